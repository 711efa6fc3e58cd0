-- split: product
-- Won amount against that of the period before.
select (select added(amount, currency, closed_at__day) from opportunities
        where status = 'won' and closed_at__day >= $start and closed_at__day < $end
            and ($every or product is not distinct from $segment))::double
    / nullif((select added(amount, currency, closed_at__day) from opportunities
        where status = 'won' and closed_at__day >= $before and closed_at__day < $start
            and ($every or product is not distinct from $segment)), 0) - 1 as value
