-- split: platform
-- A thousand times spend over impressions.
select 1000 * added(spend, currency, day)::double / nullif(sum(impressions), 0) as value from ad_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
