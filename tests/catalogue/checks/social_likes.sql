-- split: platform
-- Every like of our own brand, by its date.
select count(*) as value from social_interactions
where kind = 'like' and brand = 'own' and occurred_at__day >= $start and occurred_at__day < $end
    and ($every or platform is not distinct from $segment)
