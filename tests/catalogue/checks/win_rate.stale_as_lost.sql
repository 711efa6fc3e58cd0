-- split: channel
-- Won over won, lost, open past the day they were expected to close, and open for 180 days without such a day; nothing
-- where the data does not reach back that far.
with d as (
    select *, closed_at__day is null or closed_at__day >= $end as still_open,
        case when day($end) = 1 then $end else date_trunc('month', $end) + interval 1 month end - interval 180 days as long_ago
    from deals where $every or channel is not distinct from $segment
)
select case when max(long_ago) > (select min(created_at__day) from opportunities)
    then count(*) filter (where status = 'won' and closed_at__day >= $start and closed_at__day < $end) / nullif(
    count(*) filter (where status in ('won', 'lost') and closed_at__day >= $start and closed_at__day < $end)
    + count(*) filter (where still_open and expected_close_at < $end)
    + count(*) filter (where still_open and expected_close_at is null and created_at__day < long_ago), 0) end as value
from d
