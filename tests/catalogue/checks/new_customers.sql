-- split: industry
-- Companies by the day of their first win.
select count(*) as value from companies
where customer_day >= $start and customer_day < $end and ($every or industry is not distinct from $segment)
