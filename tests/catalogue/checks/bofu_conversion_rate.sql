-- split: channel
-- Of the leads sales-qualified in the period, those named by a won deal; leads qualified less long ago than the 95th
-- percentile of all completed cycles from there, in days rounded up, wait.
with ripe as (
    select ceil(quantile_cont(customer_day - sql_day, 0.95))::integer as days from people
    where customer_day >= sql_day and customer_day <= seen($as_of, 'opportunities') and sql_day <= $as_of
)
select count(*) filter (where customer_day <= seen($as_of, 'opportunities')) / nullif(count(*), 0) as value
from people, ripe
where sql_day >= $start and sql_day < $end and sql_day + days <= seen($as_of, 'opportunities')
    and ($every or channel is not distinct from $segment)
