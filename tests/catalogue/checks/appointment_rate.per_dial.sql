-- split: owner
-- Meetings booked by outbound calls over calls from us.
select count(*) filter (where kind = 'meeting' and booked_via = 'outbound_call' and booked_at__day >= $start and booked_at__day < $end)
    / nullif(count(*) filter (
        where kind = 'call' and direction = 'outbound' and occurred_at__day >= $start and occurred_at__day < $end), 0) as value
from activities where $every or owner is not distinct from $segment
