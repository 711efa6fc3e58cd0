-- Media spend of marketing and sales over new customers whose first win came through a paid channel.
with first_wins as (
    select account_id, first(channel order by closed_at__day, closed_at nulls last, opportunity_id) as channel, min(closed_at__day) as won_day
    from deals where status = 'won' and account_id is not null and closed_at__day is not null group by account_id
)
select (select added(amount, currency, day) from costs
        where function in ('marketing', 'sales') and kind = 'media' and day >= $start and day < $end)::double
    / nullif((select count(*) from companies c join first_wins w on w.account_id = c.account_id
        where regexp_replace(lower(w.channel), '[^a-z]', '_')
                in ('paid_search', 'paid_social', 'paid_video', 'paid_shopping', 'paid_other', 'display', 'cross_network')
            and w.won_day >= $start and w.won_day < $end), 0) as value
