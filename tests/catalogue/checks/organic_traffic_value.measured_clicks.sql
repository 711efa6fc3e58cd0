-- split: country
-- Clicks from unpaid results, each at the price of a paid click.
select added(clicks::double * cpc, currency, day) as value from search_days
where day >= $start and day < $end and ($every or country is not distinct from $segment)
