-- split: platform
-- Engagements of the period over the followers at its end, each profile's last known number of 45 days.
with at_end as (
    select * from social_days where day < $end and day >= $end - 45 and followers is not null
    qualify row_number() over (partition by profile_id order by day desc) = 1
)
select (select coalesce(sum(engagements), 0) from social_days
        where day >= $start and day < $end and ($every or platform is not distinct from $segment))
    / nullif((select sum(followers) from at_end where $every or platform is not distinct from $segment), 0) as value
