-- split: channel
-- Of the leads created in the period, those sales-qualified within 90 days; leads younger than that wait.
select count(*) filter (where sql_day <= created_at__day + 90 and sql_day <= seen($as_of, 'leads')) / nullif(count(*), 0) as value
from people
where created_at__day >= $start and created_at__day < $end and created_at__day + 90 <= seen($as_of, 'leads')
    and ($every or channel is not distinct from $segment)
