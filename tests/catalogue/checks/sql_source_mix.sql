-- split: channel
-- SQLs of the period from one channel over all SQLs of the period.
select count(*) filter (where $every or channel is not distinct from $segment) / nullif(count(*), 0) as value
from people where sql_day >= $start and sql_day < $end
