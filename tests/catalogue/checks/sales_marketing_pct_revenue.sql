select (select added(amount, currency, day) from costs
        where function in ('marketing', 'sales') and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
            and day >= $start and day < $end)::double
    / nullif((select added(amount, currency, day) from ledger
        where kind = 'revenue' and not cash and day >= $start and day < $end), 0) as value
