-- split: product
select added(amount, currency, closed_at__day) as value from opportunities
where status = 'won' and closed_at__day >= $start and closed_at__day < $end and ($every or product is not distinct from $segment)
