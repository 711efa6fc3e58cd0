-- split: platform
-- Displays added up.
select coalesce(sum(impressions), 0) as value from social_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
