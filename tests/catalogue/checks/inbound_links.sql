-- split: country
-- Live links by the last look at each domain in the 45 days up to the end that tells their number or that they are dead.
select sum(links) as value from (
    select * from seo_snapshots where day < $end and day >= $end - 45
        and (links is not null or live is distinct from true)
    qualify row_number() over (partition by referring_domain order by day desc) = 1
) where live and ($every or country is not distinct from $segment)
