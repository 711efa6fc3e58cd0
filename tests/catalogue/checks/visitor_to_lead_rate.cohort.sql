-- split: medium
-- Of the visitors of the period, those who became a lead within 90 days of a visit; visits younger than 90 days wait.
-- A visitor becomes a lead with the first lead of the cookie; a visit that began after that led to none.
with became as (
    select distinct on (visitor_id) visitor_id, created_at, created_at__day
    from leads where visitor_id is not null
    order by visitor_id, created_at__day, created_at nulls last
),
visits as (
    select w.visitor_id, w.started_at__day as began, (
        select b.created_at__day from became b
        where b.visitor_id = w.visitor_id and case
            when b.created_at is null or w.started_at is null then b.created_at__day >= w.started_at__day
            else b.created_at >= w.started_at end) as lead_day
    from web_sessions w
    where w.started_at__day >= $start and w.started_at__day < $end and ($every or w.medium is not distinct from $segment)
)
select count(distinct visitor_id) filter (where lead_day <= began + 90 and lead_day <= seen($as_of, 'leads'))
    / nullif(count(distinct visitor_id), 0) as value
from visits where began + 90 <= seen($as_of, 'leads')
