-- split: device
-- The mean position of the tracked keywords by the last look of 45 days, 101 at most and for those without one.
select avg(held) as value from (
    select least(coalesce(position, 101), 101) as held, * from search_days where day < $end and day >= $end - 45
    qualify row_number() over (partition by engine, query, country, device order by day desc) = 1
) where tracked and ($every or device is not distinct from $segment)
