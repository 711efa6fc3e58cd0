-- split: medium
-- Seconds in the foreground over the number of visits, where they are known.
select sum(engaged_seconds) / nullif(count(engaged_seconds), 0) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
