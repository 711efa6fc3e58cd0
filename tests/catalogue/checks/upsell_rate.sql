-- Companies with a won upsell in the period over the customers at its start.
select (
    select count(distinct account_id) from opportunities
    where kind = 'upsell' and status = 'won' and closed_at__day >= $start and closed_at__day < $end
) / nullif((
    select count(*) from companies where customer_day < $start and (lost_day is null or lost_day >= $start)
), 0) as value
