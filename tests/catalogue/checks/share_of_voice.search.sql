-- split: device
-- Our clicks over the clicks of every site on the tracked keywords, of days where the latter are known.
select coalesce(sum(clicks), 0) / nullif(sum(market_clicks), 0)::double as value from search_days
where tracked and market_clicks is not null and day >= $start and day < $end
    and ($every or device is not distinct from $segment)
