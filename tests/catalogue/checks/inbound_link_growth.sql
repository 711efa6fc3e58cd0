-- split: country
-- Live links at the end against those at the end of the period before.
with at_end as (
    select * from seo_snapshots where day < $end and day >= $end - 45 and (links is not null or live is distinct from true)
    qualify row_number() over (partition by referring_domain order by day desc) = 1
), at_start as (
    select * from seo_snapshots where day < $start and day >= $start - 45 and (links is not null or live is distinct from true)
    qualify row_number() over (partition by referring_domain order by day desc) = 1
)
select (select sum(links) from at_end where live and ($every or country is not distinct from $segment))
    / nullif((select sum(links) from at_start where live and ($every or country is not distinct from $segment)), 0) - 1 as value
