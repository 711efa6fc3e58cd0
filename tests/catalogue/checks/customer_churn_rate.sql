-- split: industry
-- Of the customers at the start, those lost in the period.
select count(*) filter (where lost_day < $end) / nullif(count(*), 0) as value from companies
where customer_day < $start and (lost_day is null or lost_day >= $start) and ($every or industry is not distinct from $segment)
