-- split: product
-- Recorded people of the deals closed in the period, on average over the deals of which somebody is recorded.
select count(*) / nullif(count(distinct o.opportunity_id), 0) as value
from opportunities o join contact_roles r on r.opportunity_id = o.opportunity_id
where o.closed_at__day >= $start and o.closed_at__day < $end and ($every or o.product is not distinct from $segment)
