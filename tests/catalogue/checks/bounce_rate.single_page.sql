-- split: medium
-- Visits with exactly one page view over visits.
select count(*) filter (where page_views = 1) / nullif(count(*), 0) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
