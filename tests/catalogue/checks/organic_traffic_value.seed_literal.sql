-- split: country
-- As one source words it: our click rate added to the one expected at the position.
select case when count(*) = 0 then null else added(volume::double * (own_ctr + ctr_at_position) * cpc, currency, day) end as value from (
    select * from search_days where day < $end and day >= $end - 45 and (volume is not null and own_ctr is not null and ctr_at_position is not null and cpc is not null)
    qualify row_number() over (partition by engine, query, country, device order by day desc) = 1
) where true and ($every or country is not distinct from $segment)
