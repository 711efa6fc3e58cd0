-- split: product
-- Of the companies with a deal open at the end, those of which a person who may decide was touched by then.
with met as (
    select coalesce(t.account_id, c.account_id) as account_id, min(t.occurred_at__day) as day
    from touches t join contacts c on c.contact_id = t.contact_id where c.purchase_authority group by 1
)
select count(distinct o.account_id) filter (where m.day < $end) / nullif(count(distinct o.account_id), 0) as value
from opportunities o left join met m on m.account_id = o.account_id
where o.created_at__day < $end and (o.closed_at__day is null or o.closed_at__day >= $end)
    and ($every or o.product is not distinct from $segment)
