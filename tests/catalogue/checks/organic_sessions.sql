-- split: channel
-- Visits that came from an unpaid search result.
select count(*) filter (where medium = 'organic') as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or channel is not distinct from $segment)
