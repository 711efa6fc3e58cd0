-- split: platform
-- Followers at the end against those at the end of the period before.
with at_end as (
    select * from social_days where day < $end and day >= $end - 45 and followers is not null
    qualify row_number() over (partition by profile_id order by day desc) = 1
), at_start as (
    select * from social_days where day < $start and day >= $start - 45 and followers is not null
    qualify row_number() over (partition by profile_id order by day desc) = 1
)
select (select sum(followers) from at_end where $every or platform is not distinct from $segment)
    / nullif((select sum(followers) from at_start where $every or platform is not distinct from $segment), 0) - 1 as value
