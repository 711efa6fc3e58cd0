-- split: medium
-- Visits by the day they began.
select count(*) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
