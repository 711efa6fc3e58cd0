-- split: channel
-- Of the leads created in the period, those named by a won deal; leads younger than the 95th percentile of all completed
-- cycles, in days rounded up, wait.
with ripe as (
    select ceil(quantile_cont(customer_day - created_at__day, 0.95))::integer as days from people
    where customer_day >= created_at__day and customer_day <= seen($as_of, 'opportunities') and created_at__day <= $as_of
)
select count(*) filter (where customer_day <= seen($as_of, 'opportunities')) / nullif(count(*), 0) as value
from people, ripe
where created_at__day >= $start and created_at__day < $end and created_at__day + days <= seen($as_of, 'opportunities')
    and ($every or channel is not distinct from $segment)
