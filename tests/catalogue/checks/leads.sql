-- split: channel
select count(*) as value from leads
where created_at__day >= $start and created_at__day < $end and ($every or channel is not distinct from $segment)
