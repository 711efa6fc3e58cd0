-- split: medium
-- Of the visitors of the period, those who became a lead within 90 days of a visit; visits younger than 90 days wait.
with visits as (
    select w.visitor_id, w.started_at__day as began, (
        select min(l.created_at__day) from leads l
        where l.visitor_id = w.visitor_id and case
            when l.created_at is null or w.started_at is null then l.created_at__day >= w.started_at__day
            else l.created_at >= w.started_at end) as lead_day
    from web_sessions w
    where w.started_at__day >= $start and w.started_at__day < $end and ($every or w.medium is not distinct from $segment)
)
select count(distinct visitor_id) filter (where lead_day <= began + 90 and lead_day <= seen($as_of, 'leads'))
    / nullif(count(distinct visitor_id), 0) as value
from visits where began + 90 <= seen($as_of, 'leads')
