-- split: industry
-- Of the customers first won in the period, the share that leaves within 12 months, by the product-limit estimate of
-- Kaplan and Meier: who is still here counts for the days he was seen.
with entries as (
    select lost_day - customer_day as took, customer_day + interval 12 months as limit_day,
        seen($as_of, 'accounts') as last_day, customer_day,
        coalesce(lost_day <= customer_day + interval 12 months and lost_day <= seen($as_of, 'accounts'), false) as came
    from companies
    where customer_day >= $start and customer_day < $end and customer_day <= $as_of
        and (lost_day is null or lost_day > seen($as_of, 'accounts') or lost_day >= customer_day)
        and ($every or industry is not distinct from $segment)
), fit as (
    select came, if(came, took, last_day - customer_day) as lasted, not came and limit_day <= last_day as old
    from entries where last_day >= customer_day
), steps as (
    select lasted, count(*) filter (where came) as ended, sum(count(*)) over (order by lasted desc) as at_risk
    from fit group by lasted
), curve as (
    select product(1 - ended / at_risk) as remaining from steps
)
select if(remaining < 1e-12 or (select bool_or(old) from fit), 1 - remaining, null) as value from curve
