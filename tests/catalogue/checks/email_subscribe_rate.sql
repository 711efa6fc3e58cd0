-- split: device
-- People who confirmed a subscription over people who were shown the form.
select count(distinct person_id) filter (where step = 'completed' and confirmed)
    / nullif(count(distinct person_id) filter (where step = 'offered'), 0) as value
from actions
where kind = 'subscription' and occurred_at__day >= $start and occurred_at__day < $end
    and ($every or device is not distinct from $segment)
