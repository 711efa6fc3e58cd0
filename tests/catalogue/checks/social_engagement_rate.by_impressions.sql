-- split: platform
-- Engagements over displays, both summed.
select sum(engagements) / nullif(sum(impressions), 0) as value from social_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
