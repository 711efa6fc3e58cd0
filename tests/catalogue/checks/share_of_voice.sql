-- split: platform
-- Mentions of our brand over mentions of any brand that is told.
select count(*) filter (where brand = 'own') / nullif(count(brand), 0) as value from social_interactions
where kind = 'mention' and occurred_at__day >= $start and occurred_at__day < $end
    and ($every or platform is not distinct from $segment)
