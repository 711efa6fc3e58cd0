-- split: platform
-- Conversions over clicks.
select coalesce(sum(conversions), 0)::double / nullif(sum(clicks), 0) as value from ad_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
