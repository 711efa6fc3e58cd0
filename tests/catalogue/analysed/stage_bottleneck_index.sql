-- What each stage loses in the period: who came to the stage before in it, times how far the rate of its newest twelve
-- months stays below that of its best twelve in a row, times the share of those who pass it that come to the end, times
-- what one of those was worth in the twelve months up to $until, the end of the last whole month.
-- A month counts once all who came in it were watched for the time the stage has. Looked at are three years.
with people as (
    select l.created, l.mql, l.sales_qualified,
        (select min(d.created) from deals d where d.lead_id = l.lead_id) as opportunity,
        (select min(d.closed) from deals d where d.lead_id = l.lead_id and d.status = 'won') as customer,
        (select arg_min(d.amount, d.closed) from deals d where d.lead_id = l.lead_id and d.status = 'won') as worth
    from leads l where $every or l.channel is not distinct from $segment
), passages as (
    select 1 as number, 'mql' as stage, created as came, mql as went, 90 as days from people
    union all select 2, 'sales_qualified', mql, sales_qualified, 90 from people
    union all select 3, 'opportunity', sales_qualified, opportunity, 90 from people
    union all select 4, 'customer', opportunity, customer, 180 from people
), stages as (
    select distinct number, stage from passages
), months as (
    select s.number, m.month, count(p.came) as n, coalesce(bool_and(p.came + p.days <= $seen), true) as ripe,
        count(*) filter (where p.went <= p.came + p.days and p.went <= $seen) as k
    from (select unnest(generate_series(
            greatest($until - interval 36 month, (select date_trunc('month', min(created)) from leads)),
            $until - interval 1 month, interval 1 month)) as month) m
    cross join stages s
    left join passages p on p.number = s.number and date_trunc('month', p.came) = m.month
    group by all
), years as (
    select number, sum(k) over twelve as k, sum(n) over twelve as n, bool_and(ripe) over twelve as ripe,
        count(*) over twelve as months
    from months window twelve as (partition by number order by month rows between 11 preceding and current row)
), best as (
    select number, max(k / n) as rate from years where ripe and months = 12 and n > 0 group by all
), newest as (
    select number, sum(k) / nullif(sum(n), 0) as rate
    from (select * from months where ripe qualify row_number() over (partition by number order by month desc) <= 12)
    group by all
), counted as (
    select s.number, count(p.came) as entries
    from stages s left join passages p on p.number = s.number and came >= $start and came < $end and came <= $seen
    group by all
)
select s.stage, c.entries, c.entries * (b.rate - w.rate)
        * (select if(count(*) = count(rate), coalesce(product(rate), 1), null)
            from stages x left join newest using (number) where x.number > s.number)
        * (select avg(worth) from people where customer >= $until - interval 12 month and customer < $until) as loss
from stages s join counted c using (number) left join best b using (number) left join newest w using (number)
order by s.number
