-- split: channel
-- The same as the cohort, of which those count that were MQL, then SQL, then opportunity, then customer, day by day.
select count(*) filter (where customer_day <= created_at__day + 180 and customer_day <= seen($as_of, 'opportunities')
        and created_at__day <= mql_day and mql_day <= sql_day and sql_day <= opportunity_day and opportunity_day <= customer_day)
    / nullif(count(*), 0) as value
from people
where created_at__day >= $start and created_at__day < $end and created_at__day + 180 <= seen($as_of, 'opportunities')
    and ($every or channel is not distinct from $segment)
