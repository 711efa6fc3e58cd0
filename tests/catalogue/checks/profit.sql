-- split: product
-- Revenue less every expense of profit and loss.
with books as (
    select * from ledger where not cash and day >= $start and day < $end and ($every or product is not distinct from $segment)
)
select (select added(amount, currency, day) from books where kind = 'revenue')::double
    - (select added(amount, currency, day) from books where kind in ('cogs', 'opex', 'overhead', 'tax', 'interest'))::double as value
