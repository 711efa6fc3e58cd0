-- split: platform
-- Spend over clicks.
select added(spend, currency, day) / nullif(sum(clicks), 0) as value from ad_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
