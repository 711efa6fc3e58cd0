-- split: product
-- Won amount over won and lost amount.
select (select added(amount, currency, closed_at__day) from opportunities
        where status = 'won' and closed_at__day >= $start and closed_at__day < $end
            and ($every or product is not distinct from $segment))::double
    / nullif((select added(amount, currency, closed_at__day) from opportunities
        where status in ('won', 'lost') and closed_at__day >= $start and closed_at__day < $end
            and ($every or product is not distinct from $segment)), 0) as value
