-- split: medium
-- Different cookies with at least one visit.
select count(distinct visitor_id) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
