-- split: product
-- Revenue less all expenses, over revenue.
with books as (
    select * from ledger where not cash and day >= $start and day < $end and ($every or product is not distinct from $segment)
), sums as (
    select (select added(amount, currency, day) from books where kind = 'revenue')::double as revenue,
        (select added(amount, currency, day) from books where kind in ('cogs', 'opex', 'overhead', 'tax', 'interest'))::double as spent
)
select (revenue - spent) / nullif(revenue, 0) as value from sums
