-- split: channel
-- MQLs by the day sales accepted them.
select count(*) as value from people
where mql_day <= $as_of and sal_day >= $start and sal_day < $end and ($every or channel is not distinct from $segment)
