-- split: product
-- Won amount of the deals that marketing brought, by the day they closed.
select added(amount, currency, closed_at__day) as value from opportunities
where status = 'won' and origin = 'marketing' and closed_at__day >= $start and closed_at__day < $end
    and ($every or product is not distinct from $segment)
