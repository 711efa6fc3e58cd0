-- Overhead of the ledger and overhead entries of the cost table.
select (select added(amount, currency, day) from ledger where not cash and kind = 'overhead' and day >= $start and day < $end)::double
    + (select added(amount, currency, day) from costs where kind = 'overhead' and day >= $start and day < $end)::double as value
