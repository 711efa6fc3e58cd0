-- split: device
-- Different people who did what a call to action offers, over different people who were shown one.
select count(distinct person_id) filter (where step = 'completed') / nullif(count(distinct person_id) filter (where step = 'offered'), 0) as value
from actions
where kind = 'cta' and occurred_at__day >= $start and occurred_at__day < $end and ($every or device is not distinct from $segment)
