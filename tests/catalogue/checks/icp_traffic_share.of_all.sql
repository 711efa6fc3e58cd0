-- split: medium
-- Visits of known companies that match the target profile, over all visits.
select count(*) filter (where icp_fit and account_id is not null) / nullif(count(*), 0) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
