-- split: product
-- Operating expenses and overhead of profit and loss.
select added(amount, currency, day) as value from ledger
where not cash and kind in ('opex', 'overhead') and day >= $start and day < $end and ($every or product is not distinct from $segment)
