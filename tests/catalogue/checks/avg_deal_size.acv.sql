-- split: product
select added(annual_amount, currency, closed_at__day)::double / nullif(count(*), 0) as value from opportunities
where status = 'won' and closed_at__day >= $start and closed_at__day < $end and ($every or product is not distinct from $segment)
