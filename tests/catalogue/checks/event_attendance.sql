-- split: device
-- Different people with a completed action of the kind 'event'.
select count(distinct person_id) as value from actions
where kind = 'event' and step = 'completed' and occurred_at__day >= $start and occurred_at__day < $end
    and ($every or device is not distinct from $segment)
