-- split: product
-- Operating expenses and overhead over revenue.
with books as (
    select * from ledger where not cash and day >= $start and day < $end and ($every or product is not distinct from $segment)
)
select (select added(amount, currency, day) from books where kind in ('opex', 'overhead'))::double
    / nullif((select added(amount, currency, day) from books where kind = 'revenue'), 0)::double as value
