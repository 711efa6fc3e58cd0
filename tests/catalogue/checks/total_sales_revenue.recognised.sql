-- split: product
-- Revenue of the ledger by day of recognition; payments are no revenue.
select added(amount, currency, day) as value from ledger
where kind = 'revenue' and not cash and day >= $start and day < $end and ($every or product is not distinct from $segment)
