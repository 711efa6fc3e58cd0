-- split: medium
-- One minus engaged visits over visits.
select 1 - count(*) filter (where engaged) / nullif(count(*), 0) as value from web_sessions
where started_at__day >= $start and started_at__day < $end and ($every or medium is not distinct from $segment)
