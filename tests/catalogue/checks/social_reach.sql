-- split: platform
-- People reached each day, added up.
select coalesce(sum(reach), 0) as value from social_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
