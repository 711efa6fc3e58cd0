-- split: plan
-- Recurring revenue of twelve months before the period's end, with what the companies of that time added and lost since, over itself,
-- at the rates of that day.
with span as (
    select ($start + to_months(datediff('month', $before, $start)) - to_months(12))::date as since
), first_of as (
    select account_id, min(occurred_at__day) as day from subscriptions group by account_id
), moved as (
    select s.*, f.day as first_day, p.since from subscriptions s join first_of f using (account_id), span p
    where $every or plan is not distinct from $segment
), sums as (
    select (select added(mrr_change, currency, since - 1) from moved where occurred_at__day < since)::double as at_start,
        (select added(mrr_change, currency, since - 1) from moved
            where kind in ('churn', 'contraction', 'expansion') and first_day < since and occurred_at__day >= since and occurred_at__day < $end)::double as moves
)
select (at_start + moves) / nullif(at_start, 0) as value from sums
