-- split: channel
-- Days until half of the SQLs of the period had the first quote on a deal that credits the lead. The others count for the whole days they
-- were seen: the product-limit estimate of Kaplan and Meier.
with entries as (
    select seconds(sql, sql_day, quote, quote_day) as took, (seen($as_of, 'quotes') - sql_day) * 86400 as seen_for,
        coalesce(quote_day <= seen($as_of, 'quotes'), false) as came
    from (
        select p.lead_id, p.sql, p.sql_day, p.channel, min(q.issued_at__day) as quote_day,
            first(q.issued_at order by q.issued_at__day, q.issued_at nulls last, q.quote_id) as quote
        from people p left join opportunities o on o.lead_id = p.lead_id left join quotes q on q.opportunity_id = o.opportunity_id
        group by p.lead_id, p.sql, p.sql_day, p.channel
    )
    where sql_day >= $start and sql_day < $end and ($every or channel is not distinct from $segment)
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
