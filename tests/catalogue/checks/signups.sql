-- split: device
-- First completed registrations.
select count(*) as value from actions
where kind = 'signup' and step = 'completed' and first and occurred_at__day >= $start and occurred_at__day < $end
    and ($every or device is not distinct from $segment)
