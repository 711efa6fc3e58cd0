-- split: medium
-- Visits against those of the period before.
select count(*) filter (where started_at__day >= $start and started_at__day < $end)
    / nullif(count(*) filter (where started_at__day >= $before and started_at__day < $start), 0) - 1 as value
from web_sessions where $every or medium is not distinct from $segment
