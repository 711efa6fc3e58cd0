-- split: channel
select count(*) filter (where created_at__day >= $start and created_at__day < $end)
    / nullif(count(*) filter (where created_at__day >= $before and created_at__day < $start), 0) - 1 as value
from leads where $every or channel is not distinct from $segment
