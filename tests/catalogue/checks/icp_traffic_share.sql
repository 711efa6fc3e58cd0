-- split: medium
-- Visits of known companies that match the target profile, over visits of known companies.
select count(*) filter (where icp_fit) / nullif(count(*), 0) as value from web_sessions
where account_id is not null and started_at__day >= $start and started_at__day < $end
    and ($every or medium is not distinct from $segment)
