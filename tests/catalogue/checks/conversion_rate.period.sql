-- split: channel
-- Leads that won in the period over leads created in it.
select count(*) filter (where customer_day >= $start and customer_day < $end)
    / nullif(count(*) filter (where created_at__day >= $start and created_at__day < $end), 0) as value
from people where $every or channel is not distinct from $segment
