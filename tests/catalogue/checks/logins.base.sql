-- split: device
-- Completed log-ins.
select count(*) as value from actions
where kind = 'login' and step = 'completed' and occurred_at__day >= $start and occurred_at__day < $end
    and ($every or device is not distinct from $segment)
