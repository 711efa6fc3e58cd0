-- split: channel
-- Median days from MQL to SQL of the SQLs of the period; impossible ones are left out.
select median(seconds(mql, mql_day, sql, sql_day)) / 86400 as value from people
where sql_day >= $start and sql_day < $end and seconds(mql, mql_day, sql, sql_day) >= 0
    and ($every or channel is not distinct from $segment)
