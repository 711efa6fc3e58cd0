-- split: channel
-- People by the day they first met the rule.
select count(*) as value from people
where mql_day >= $start and mql_day < $end and ($every or channel is not distinct from $segment)
