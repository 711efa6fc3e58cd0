-- split: channel
-- Of the leads created in the period, those named by an opportunity opened within 180 days.
select count(*) filter (where opportunity_day <= created_at__day + 180 and opportunity_day <= seen($as_of, 'opportunities'))
    / nullif(count(*), 0) as value
from people
where created_at__day >= $start and created_at__day < $end and created_at__day + 180 <= seen($as_of, 'opportunities')
    and ($every or channel is not distinct from $segment)
