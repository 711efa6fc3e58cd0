-- split: industry
-- The same over the mean of the customers at the start and at the end.
with sums as (
    select count(*) filter (where customer_day < $start and (lost_day is null or lost_day >= $start)) as at_start,
        count(*) filter (where customer_day < $end and (lost_day is null or lost_day >= $end)) as at_end,
        count(*) filter (where customer_day < $start and lost_day >= $start and lost_day < $end) as lost
    from companies where $every or industry is not distinct from $segment
)
select lost / nullif((at_start + at_end) / 2, 0) as value from sums
