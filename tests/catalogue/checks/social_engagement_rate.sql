-- split: platform
-- Engagements over people reached, both summed.
select sum(engagements) / nullif(sum(reach), 0) as value from social_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
