-- split: channel
-- Mean engagement points of the leads created in the period that have some.
select avg(score_engagement)::double as value from leads
where created_at__day >= $start and created_at__day < $end and ($every or channel is not distinct from $segment)
