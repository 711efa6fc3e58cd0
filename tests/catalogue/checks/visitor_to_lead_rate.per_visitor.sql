-- split: channel
-- Leads from the web site over different visitors.
select (select count(*) from leads
        where from_web and created_at__day >= $start and created_at__day < $end and ($every or channel is not distinct from $segment))
    / nullif((select count(distinct visitor_id) from web_sessions
        where started_at__day >= $start and started_at__day < $end and ($every or channel is not distinct from $segment)), 0) as value
