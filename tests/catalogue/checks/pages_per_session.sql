-- split: medium
-- Page views over visits.
select coalesce(sum(page_views), 0) / nullif(count(*), 0) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
