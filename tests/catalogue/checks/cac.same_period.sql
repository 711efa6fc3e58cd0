select (select added(amount, currency, day) from costs
        where function in ('marketing', 'sales') and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
            and (purpose is null or purpose in ('new_business', 'general')) and day >= $start and day < $end)::double
    / nullif((select count(*) from companies where customer_day >= $start and customer_day < $end), 0) as value
