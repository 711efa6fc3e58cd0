-- split: plan
-- Lost less expansion, over that at the start.
select (select added(-mrr_change, currency, occurred_at__day) from subscriptions
        where kind in ('churn', 'contraction', 'expansion') and occurred_at__day >= $start and occurred_at__day < $end
            and ($every or plan is not distinct from $segment))::double
    / nullif((select added(mrr_change, currency, $start - 1) from subscriptions
        where occurred_at__day < $start and ($every or plan is not distinct from $segment)), 0) as value
