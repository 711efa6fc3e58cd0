-- All revenue of orders of known customers up to the end, over all who had bought by then.
select (select added(amount, currency, ordered_at__day)::double from orders where account_id is not null and ordered_at__day < $end)
    / nullif((select count(distinct account_id) from orders where ordered_at__day < $end), 0) as value
