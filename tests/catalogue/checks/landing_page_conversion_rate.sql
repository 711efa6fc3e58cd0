-- split: landing_page_id
-- Different people who completed the goal of a page, over different people who were shown one.
select count(distinct person_id) filter (where step = 'completed' and goal and landing_page_id is not null)
    / nullif(count(distinct person_id) filter (where kind = 'landing_page' and step = 'offered'), 0) as value
from actions
where occurred_at__day >= $start and occurred_at__day < $end and ($every or landing_page_id is not distinct from $segment)
