-- split: platform
-- Likes, shares, reposts and comments on our brand one by one, and clicks and saves as the platforms tell them.
select (
    select count(*) from social_interactions
    where kind <> 'mention' and brand = 'own' and occurred_at__day >= $start and occurred_at__day < $end
        and ($every or platform is not distinct from $segment)
) + (
    select coalesce(sum(coalesce(clicks, 0) + coalesce(saves, 0)), 0) from social_days
    where day >= $start and day < $end and ($every or platform is not distinct from $segment)
) as value
