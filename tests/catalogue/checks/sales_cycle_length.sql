-- split: product
-- Days until half of the opportunities opened in the period were won. The others count for the whole days they
-- were seen: the product-limit estimate of Kaplan and Meier.
with entries as (
    select seconds(created_at, created_at__day, won, won_day) as took, (seen($as_of, 'opportunities') - created_at__day) * 86400 as seen_for,
        coalesce(won_day <= seen($as_of, 'opportunities'), false) as came
    from (select *, if(status = 'won', closed_at, null) as won, if(status = 'won', closed_at__day, null) as won_day from deals)
    where created_at__day >= $start and created_at__day < $end and ($every or product is not distinct from $segment)
), fit as (
    select came and took <= seen_for as done, if(came and took <= seen_for, took, seen_for) as lasted
    from entries where seen_for >= 0 and not (came and took < 0)
), steps as (
    select lasted, count(*) filter (where done) as ended, sum(count(*)) over (order by lasted desc) as at_risk
    from fit group by lasted
), curve as (
    select lasted, ended, product(1 - ended / at_risk) over (order by lasted) as remaining from steps
)
select min(lasted) / 86400 as value from curve where ended > 0 and remaining <= 0.5 + 1e-12
