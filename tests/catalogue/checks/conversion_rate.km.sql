-- split: channel
-- The share of the leads created in the period that are won within 180 days: one less what is left of the product-limit
-- estimate of Kaplan and Meier after 180 days, where who is not won counts for the days he was seen. Unknown where nobody
-- is old enough to have been left.
with entries as (
    select customer_day - created_at__day as took, seen($as_of, 'opportunities') - created_at__day as seen_for,
        coalesce(customer_day <= created_at__day + 180 and customer_day <= seen($as_of, 'opportunities'), false) as came
    from people
    where created_at__day >= $start and created_at__day < $end and ($every or channel is not distinct from $segment)
), fit as (
    select came, if(came, greatest(took, 0), seen_for) as lasted, not came and seen_for >= 180 as old
    from entries where seen_for >= 0
), steps as (
    select lasted, count(*) filter (where came) as ended, sum(count(*)) over (order by lasted desc) as at_risk
    from fit group by lasted
), curve as (
    select product(1 - ended / at_risk) as remaining from steps
)
select if(remaining < 1e-12 or (select bool_or(old) from fit), 1 - remaining, null) as value from curve
