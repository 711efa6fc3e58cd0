-- split: device
-- Clicks from unpaid results over impressions in them.
select coalesce(sum(clicks), 0) / nullif(sum(impressions), 0) as value from search_days
where day >= $start and day < $end and ($every or device is not distinct from $segment)
