-- Cost of winning a customer over what a new subscriber brings a month, at the gross margin.
with books as (
    select * from ledger where not cash and day >= $start and day < $end
), began as (
    select * from subscriptions where kind = 'new' and occurred_at__day >= $start and occurred_at__day < $end
), sums as (
    select (select added(amount, currency, day) from books where kind = 'revenue')::double as revenue,
        (select added(amount, currency, day) from books where kind = 'cogs')::double as goods,
        (select added(mrr_change, currency, occurred_at__day) from began)::double as monthly,
        (select count(*) from (select min(occurred_at__day) as first from subscriptions where kind = 'new' group by account_id)
            where first >= $start and first < $end) as subscribers,
        (select count(*) from companies where customer_day >= $start and customer_day < $end) as won,
        (select added(amount, currency, day) from costs
            where function in ('marketing', 'sales') and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
                and (purpose is null or purpose in ('new_business', 'general')) and day >= $start and day < $end)::double as spent
)
select (spent / nullif(won, 0)) / nullif(monthly / nullif(subscribers, 0) * (revenue - goods) / nullif(revenue, 0), 0) as value
from sums
