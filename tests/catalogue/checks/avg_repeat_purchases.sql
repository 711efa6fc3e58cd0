-- Orders of the twelve months up to the period's end that are not their company's first, over the companies that ordered.
with placed as (
    select account_id, order_id, ordered_at__day as day, row_number() over (partition by account_id order by ordered_at__day) as n
    from orders where line_number = 1 and account_id in (select account_id from accounts)
), span as (
    select ($start + to_months(datediff('month', $before, $start)) - to_months(12))::date as since
)
select count(*) filter (where n > 1) / nullif(count(distinct account_id), 0) as value
from placed, span where day >= since and day < $end
