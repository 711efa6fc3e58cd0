-- All revenue of orders up to the end, less the goods, what was spent to win customers and what serving them cost, over all who
-- had bought by then.
select (
        (select added(amount, currency, ordered_at__day)::double from orders where account_id is not null and ordered_at__day < $end)
        - (select added(cost_of_goods, currency, ordered_at__day)::double from orders
            where account_id is not null and ordered_at__day < $end)
        - (select added(amount, currency, day)::double from costs
            where function in ('marketing', 'sales') and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
                and (purpose is null or purpose in ('new_business', 'general')) and day < $end)
        - (select added(amount, currency, day)::double from costs where kind = 'cost_to_serve' and day < $end)
    ) / nullif((select count(distinct account_id) from orders where ordered_at__day < $end), 0) as value
