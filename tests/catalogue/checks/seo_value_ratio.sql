-- Searches times expected click rate times price of a click, by the last look of 45 days at each keyword, over the spend
-- on search ads in the last month of the period.
select (select case when count(*) = 0 then null else added(volume::double * ctr_at_position * cpc, currency, day) end from (
        select * from search_days where day < $end and day >= $end - 45
            and volume is not null and ctr_at_position is not null and cpc is not null
        qualify row_number() over (partition by engine, query, country, device order by day desc) = 1))
    / nullif((select added(spend, currency, day) from ad_days
        where kind = 'search' and day >= date_trunc('month', $end - 1) and day < $end), 0) as value
