-- split: channel
-- Of the leads created in the period, those that won within 180 days; leads younger than that wait.
select count(*) filter (where customer_day <= created_at__day + 180 and customer_day <= seen($as_of, 'opportunities'))
    / nullif(count(*), 0) as value
from people
where created_at__day >= $start and created_at__day < $end and created_at__day + 180 <= seen($as_of, 'opportunities')
    and ($every or channel is not distinct from $segment)
