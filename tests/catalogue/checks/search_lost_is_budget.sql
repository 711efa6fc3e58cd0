-- split: keyword
-- Impressions missed over impressions the ads were eligible for, of search days where both can be told.
select (coalesce(sum(lost_to_budget), 0) / nullif(sum(eligible_impressions), 0))::double as value from (
    select lost_to_budget::double as lost_to_budget, eligible_impressions::double as eligible_impressions from ad_days
    where kind = 'search' and eligible_impressions is not null and lost_to_budget is not null and day >= $start and day < $end
        and ($every or keyword is not distinct from $segment)
)
