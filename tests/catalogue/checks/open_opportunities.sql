-- split: channel
-- Opened before the end and not closed before it.
select count(*) as value from deals
where created_at__day < $end and (closed_at__day is null or closed_at__day >= $end)
    and ($every or channel is not distinct from $segment)
