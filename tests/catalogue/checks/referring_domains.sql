-- split: country
-- Domains that were alive at the last look at them in the 45 days up to the end.
select nullif(count(distinct referring_domain), 0) as value from (
    select * from seo_snapshots where day < $end and day >= $end - 45
    qualify row_number() over (partition by referring_domain order by day desc) = 1
) where live and ($every or country is not distinct from $segment)
