-- split: industry
-- Customers at the end less those new in the period, over the customers at the start.
select (count(*) filter (where customer_day < $end and (lost_day is null or lost_day >= $end))
        - count(*) filter (where customer_day >= $start and customer_day < $end and (lost_day is null or lost_day >= $end)))
    / nullif(count(*) filter (where customer_day < $start and (lost_day is null or lost_day >= $start)), 0) as value
from companies where $every or industry is not distinct from $segment
