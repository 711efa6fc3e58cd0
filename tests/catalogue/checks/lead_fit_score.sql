-- split: channel
-- Mean profile points of the leads created in the period that have some.
select avg(score_fit)::double as value from leads
where created_at__day >= $start and created_at__day < $end and ($every or channel is not distinct from $segment)
