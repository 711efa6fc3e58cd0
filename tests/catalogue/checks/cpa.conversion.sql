-- split: platform
-- Ad spend over conversions.
select added(spend, currency, day)::double / nullif(sum(conversions), 0) as value from ad_days
where day >= $start and day < $end and ($every or platform is not distinct from $segment)
