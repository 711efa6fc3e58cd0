-- split: country
-- The same without keywords that hold the brand.
select case when count(*) = 0 then null else added(volume::double * ctr_at_position * cpc, currency, day) end as value from (
    select * from search_days where day < $end and day >= $end - 45 and (brand or (volume is not null and ctr_at_position is not null and cpc is not null))
    qualify row_number() over (partition by engine, query, country, device order by day desc) = 1
) where brand is distinct from true and ($every or country is not distinct from $segment)
