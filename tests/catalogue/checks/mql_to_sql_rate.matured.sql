-- split: channel
-- By MQL date, SQL ever; MQLs younger than the 95th percentile of all completed steps, in days rounded up, wait.
with ripe as (
    select ceil(quantile_cont(sql_day - mql_day, 0.95))::integer as days from people
    where sql_day >= mql_day and sql_day <= seen($as_of, 'leads') and mql_day <= $as_of
)
select count(*) filter (where sql_day <= seen($as_of, 'leads')) / nullif(count(*), 0) as value
from people, ripe
where mql_day >= $start and mql_day < $end and mql_day + days <= seen($as_of, 'leads')
    and ($every or channel is not distinct from $segment)
