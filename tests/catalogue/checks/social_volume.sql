-- split: platform
-- Own posts and mentions by others.
select (select coalesce(sum(posts), 0) from social_days
        where day >= $start and day < $end and ($every or platform is not distinct from $segment))
    + (select count(*) from social_interactions
        where kind = 'mention' and brand = 'own' and occurred_at__day >= $start and occurred_at__day < $end
            and ($every or platform is not distinct from $segment)) as value
