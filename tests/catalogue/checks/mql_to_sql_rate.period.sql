-- split: channel
select count(*) filter (where sql_day >= $start and sql_day < $end)
    / nullif(count(*) filter (where mql_day >= $start and mql_day < $end), 0) as value
from people where $every or channel is not distinct from $segment
