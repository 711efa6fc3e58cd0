-- split: product
-- Revenue less cost of goods.
select added(case when kind = 'revenue' then amount else -amount end, currency, day) as value from ledger
where kind in ('revenue', 'cogs') and not cash and day >= $start and day < $end and ($every or product is not distinct from $segment)
