-- split: channel
-- Of the SQLs of the period, those named by an opportunity opened within 90 days.
select count(*) filter (where opportunity_day <= sql_day + 90 and opportunity_day <= seen($as_of, 'opportunities'))
    / nullif(count(*), 0) as value
from people
where sql_day >= $start and sql_day < $end and sql_day + 90 <= seen($as_of, 'opportunities')
    and ($every or channel is not distinct from $segment)
