-- split: plan
select 12 * added(mrr_change, currency, $end - 1) as value from subscriptions
where occurred_at__day < $end and ($every or plan is not distinct from $segment)
