-- Spend on winning new customers over the yearly value of the subscriptions of new customers.
select (select added(amount, currency, day) from costs
        where function in ('marketing', 'sales') and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
            and (purpose is null or purpose in ('new_business', 'general')) and day >= $start and day < $end)::double
    / nullif(12 * (select added(mrr_change, currency, occurred_at__day) from subscriptions
        where kind = 'new' and occurred_at__day >= $start and occurred_at__day < $end), 0)::double as value
