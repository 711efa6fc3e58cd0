-- split: industry
-- Customers who left in the period over the mean, by the days of the period, of the customers at the end of a day.
with days as (
    select unnest(generate_series($start::date, $end::date - 1, interval 1 day))::date as day
), stood as (
    select count(*) as customer_days from days, companies
    where customer_day <= day and (lost_day is null or lost_day > day) and ($every or industry is not distinct from $segment)
), left_us as (
    select count(*) as n from companies
    where lost_day >= $start and lost_day < $end and lost_day >= customer_day
        and ($every or industry is not distinct from $segment)
)
select left_us.n / nullif(stood.customer_days / ($end::date - $start::date), 0) as value from left_us, stood
