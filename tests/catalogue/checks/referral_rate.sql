-- Companies that recommended us to a lead of the last twelve months, being customers then, over the customers at the end.
with span as (select ($start + to_months(datediff('month', $before, $start)) - to_months(12))::date as since)
select (
    select count(distinct c.account_id) from leads l join companies c on c.account_id = l.referrer_account_id, span
    where l.created_at__day >= since and l.created_at__day < $end and c.customer_day <= l.created_at__day
) / nullif((
    select count(*) from companies where customer_day < $end and (lost_day is null or lost_day >= $end)
), 0) as value
