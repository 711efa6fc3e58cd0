-- Of five roles a deal that is open at the end, those with a person who was touched by then.
with met as (
    select contact_id, min(occurred_at__day) as day from touches where contact_id is not null group by contact_id
), standing as (
    select opportunity_id from opportunities
    where created_at__day < $end and (closed_at__day is null or closed_at__day >= $end)
), covered as (
    select distinct r.opportunity_id, r.role
    from contact_roles r join met m on m.contact_id = r.contact_id join standing s on s.opportunity_id = r.opportunity_id
    where m.day < $end and r.role in ('economic_buyer', 'decision_maker', 'champion', 'evaluator', 'end_user')
)
select (select count(*) from covered) / nullif(5 * (select count(*) from standing), 0) as value
