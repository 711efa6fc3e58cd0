-- New customers of the period over leads of the period.
select (select count(*) from companies where customer_day >= $start and customer_day < $end)
    / nullif((select count(*) from leads where created_at__day >= $start and created_at__day < $end), 0) as value
