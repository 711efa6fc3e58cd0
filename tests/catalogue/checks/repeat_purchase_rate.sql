-- split: industry
-- Of the companies whose first order lies in the period, those with a second one within 180 days; younger ones wait.
with placed as (
    select a.account_id, a.industry, list_sort(list(o.ordered_at__day)) as days
    from accounts a join orders o on o.account_id = a.account_id and o.line_number = 1 group by all
)
select count(*) filter (where days[2] <= days[1] + 180 and days[2] <= seen($as_of, 'orders')) / nullif(count(*), 0) as value
from placed
where days[1] >= $start and days[1] < $end and days[1] + 180 <= seen($as_of, 'orders')
    and ($every or industry is not distinct from $segment)
