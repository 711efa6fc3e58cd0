-- split: keyword
-- Impressions won over impressions the ads were eligible for, of search days where both can be told.
select coalesce(sum(impressions), 0) / nullif(sum(eligible_impressions), 0)::double as value from ad_days
where kind = 'search' and eligible_impressions is not null and day >= $start and day < $end
    and ($every or keyword is not distinct from $segment)
