-- split: platform
-- The last known number of each profile in the 45 days up to the end, added up.
select sum(followers) as value from (
    select * from social_days where day < $end and day >= $end - 45 and followers is not null
    qualify row_number() over (partition by profile_id order by day desc) = 1
) where $every or platform is not distinct from $segment
