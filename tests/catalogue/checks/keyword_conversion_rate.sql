-- split: keyword
-- Conversions over clicks, of bought keywords in search.
select coalesce(sum(conversions), 0)::double / nullif(sum(clicks), 0) as value from ad_days
where kind = 'search' and day >= $start and day < $end and ($every or keyword is not distinct from $segment)
