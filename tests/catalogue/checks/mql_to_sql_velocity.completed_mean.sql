-- split: channel
select avg(seconds(mql, mql_day, sql, sql_day)) / 86400 as value from people
where sql_day >= $start and sql_day < $end and seconds(mql, mql_day, sql, sql_day) >= 0
    and ($every or channel is not distinct from $segment)
