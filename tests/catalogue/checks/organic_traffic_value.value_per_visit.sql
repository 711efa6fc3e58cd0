-- split: country
-- Searches times expected click rate times value of a visit, by the last look of 45 days at each keyword that tells all three.
select case when count(*) = 0 then null else added(volume::double * ctr_at_position * visit_value, currency, day) end as value from (
    select * from search_days where day < $end and day >= $end - 45 and (volume is not null and ctr_at_position is not null and visit_value is not null)
    qualify row_number() over (partition by engine, query, country, device order by day desc) = 1
) where true and ($every or country is not distinct from $segment)
