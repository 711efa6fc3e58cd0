-- split: channel
-- By MQL date, SQL within 90 days; younger MQLs wait.
select count(*) filter (where sql_day <= mql_day + 90 and sql_day <= seen($as_of, 'leads')) / nullif(count(*), 0) as value
from people
where mql_day >= $start and mql_day < $end and mql_day + 90 <= seen($as_of, 'leads')
    and ($every or channel is not distinct from $segment)
