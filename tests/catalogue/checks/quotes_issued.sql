-- split: product
-- Opportunities whose first quote was sent in the period.
select count(*) as value from deals
where quote_day >= $start and quote_day < $end and ($every or product is not distinct from $segment)
