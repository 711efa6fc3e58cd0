-- split: channel
-- MQLs of the period over leads of the period.
select count(*) filter (where mql_day >= $start and mql_day < $end)
    / nullif(count(*) filter (where created_at__day >= $start and created_at__day < $end), 0) as value
from people where $every or channel is not distinct from $segment
