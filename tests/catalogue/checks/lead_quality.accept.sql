-- split: channel
-- Of the leads handed over in the period, those that sales accepted within 14 days.
select count(*) filter (where sal_day <= handed_day + 14 and sal_day <= seen($as_of, 'leads')) / nullif(count(*), 0) as value
from people
where handed_day >= $start and handed_day < $end and handed_day + 14 <= seen($as_of, 'leads')
    and ($every or channel is not distinct from $segment)
