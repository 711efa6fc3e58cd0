-- split: device
-- Different tracked keywords at position 3 or better by the last look of 45 days.
select nullif(count(distinct query), 0) as value from (
    select * from search_days where day < $end and day >= $end - 45
    qualify row_number() over (partition by engine, query, country, device order by day desc) = 1
) where tracked and position <= 3 and ($every or device is not distinct from $segment)
