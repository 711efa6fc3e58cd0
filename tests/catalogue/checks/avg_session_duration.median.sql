-- split: medium
-- The middle length of the visits whose length is known.
select quantile_cont(duration_seconds, 0.5) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
