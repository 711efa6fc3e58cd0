-- split: medium
-- Of the visitors of the period, those who were an MQL within 90 days of a visit; visits younger than 90 days wait.
-- A visitor becomes an MQL with the first of the cookie's leads to be one; a visit that began after that led to none.
with became as (
    select distinct on (visitor_id) visitor_id, mql, mql_day from people
    where visitor_id is not null and mql_day is not null order by visitor_id, mql_day, mql nulls last
),
visits as (
    select w.visitor_id, w.started_at__day as began, (
        select b.mql_day from became b
        where b.visitor_id = w.visitor_id and case
            when b.mql is null or w.started_at is null then b.mql_day >= w.started_at__day
            else b.mql >= w.started_at end) as mql_day
    from web_sessions w
    where w.started_at__day >= $start and w.started_at__day < $end and ($every or w.medium is not distinct from $segment)
)
select count(distinct visitor_id) filter (where mql_day <= began + 90 and mql_day <= seen($as_of, 'leads'))
    / nullif(count(distinct visitor_id), 0) as value
from visits where began + 90 <= seen($as_of, 'leads')
