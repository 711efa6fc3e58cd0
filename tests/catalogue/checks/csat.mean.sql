-- split: product
-- Mean answer brought from 1 .. top to 0 .. 100.
select avg((score - 1)::double / (scale - 1) * 100) as value from surveys
where kind = 'csat' and scale > 1 and score is not null and answered_at__day >= $start and answered_at__day < $end
    and ($every or product is not distinct from $segment)
