-- split: medium
-- Seconds of the visits over the number of visits, where the length is known.
select sum(duration_seconds) / nullif(count(duration_seconds), 0) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
