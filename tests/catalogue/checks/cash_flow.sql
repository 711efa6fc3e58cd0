-- split: product
-- Payments in and out of the running business.
select added(amount, currency, day) as value from ledger
where cash and cash_flow = 'operating' and day >= $start and day < $end and ($every or product is not distinct from $segment)
