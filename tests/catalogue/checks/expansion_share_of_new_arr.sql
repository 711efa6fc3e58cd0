-- split: plan
-- Recurring revenue added by customers we had, over that and what new ones brought.
with gained as (
    select * from subscriptions
    where kind in ('new', 'expansion') and occurred_at__day >= $start and occurred_at__day < $end
        and ($every or plan is not distinct from $segment)
)
select (select added(mrr_change, currency, occurred_at__day) from gained where kind = 'expansion')::double
    / nullif((select added(mrr_change, currency, occurred_at__day) from gained), 0) as value
