-- split: platform
-- All clicks over all impressions.
select coalesce(sum(clicks), 0) / nullif(sum(impressions), 0) as value from ad_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
