-- split: country
-- Impressions in unpaid results of queries that hold our brand.
select coalesce(sum(impressions), 0) as value from search_days
where brand and day >= $start and day < $end and ($every or country is not distinct from $segment)
