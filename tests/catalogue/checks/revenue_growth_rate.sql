-- split: product
select (select added(amount, currency, day) from ledger
        where kind = 'revenue' and not cash and day >= $start and day < $end and ($every or product is not distinct from $segment))::double
    / nullif((select added(amount, currency, day) from ledger
        where kind = 'revenue' and not cash and day >= $before and day < $start
            and ($every or product is not distinct from $segment)), 0) - 1 as value
