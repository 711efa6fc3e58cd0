-- split: device
-- Positions of tracked keywords weighted by their impressions.
select sum(position * impressions)::double / nullif(sum(impressions), 0) as value from search_days
where tracked and position is not null and day >= $start and day < $end and ($every or device is not distinct from $segment)
