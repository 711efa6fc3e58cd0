-- People who subscribed less people who left, over those on the list at the start.
select (count(*) filter (where subscribed_at__day >= $start and subscribed_at__day < $end)
        - count(*) filter (where unsubscribed_at__day >= $start and unsubscribed_at__day < $end))
    / nullif(count(*) filter (where subscribed_at__day < $start
        and (unsubscribed_at__day is null or unsubscribed_at__day >= $start)), 0) as value
from contacts where subscribed_at__day < $end
