-- split: product
-- Payments of the running business and those for capital goods, both with their sign.
with paid as (
    select * from ledger where cash and day >= $start and day < $end and ($every or product is not distinct from $segment)
)
select (select added(amount, currency, day) from paid where cash_flow = 'operating')::double
    + (select added(amount, currency, day) from paid where kind = 'capex')::double as value
