-- split: channel
select count(*) as value from people
where sql_day >= $start and sql_day < $end and ($every or channel is not distinct from $segment)
