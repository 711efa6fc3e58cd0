-- split: channel
-- Minutes until half of the inquiries of the period were answered. The others count for the whole days they
-- were seen: the product-limit estimate of Kaplan and Meier.
with entries as (
    select seconds(inquired_at, inquired_at__day, first_response_at, first_response_at__day) as took, (seen($as_of, 'leads') - inquired_at__day) * 86400 as seen_for,
        coalesce(first_response_at__day <= seen($as_of, 'leads'), false) as came
    from leads
    where inquiry and inquired_at__day >= $start and inquired_at__day < $end and ($every or channel is not distinct from $segment)
), fit as (
    select came and took <= seen_for as done, if(came and took <= seen_for, took, seen_for) as lasted
    from entries where seen_for >= 0 and not (came and took < 0)
), steps as (
    select lasted, count(*) filter (where done) as ended, sum(count(*)) over (order by lasted desc) as at_risk
    from fit group by lasted
), curve as (
    select lasted, ended, product(1 - ended / at_risk) over (order by lasted) as remaining from steps
)
select min(lasted) / 60 as value from curve where ended > 0 and remaining <= 0.5 + 1e-12
