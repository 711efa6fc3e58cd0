-- split: channel
-- Different leads that entered SQL in the period over different leads that entered MQL in it.
select count(distinct subject_id) filter (where stage = 'sales_qualified')
    / nullif(count(distinct subject_id) filter (where stage = 'mql'), 0) as value
from stage_entries
where subject_kind = 'lead' and entered_at__day >= $start and entered_at__day < $end
    and ($every or channel is not distinct from $segment)
