-- split: platform
-- Of the interactions with our brand of people whose company is known, those followed by the company's next win within
-- 180 days; interactions younger than that wait.
with met as (
    select i.platform, i.occurred_at__day as day, (
        select min(o.closed_at__day) from opportunities o
        where o.account_id = c.account_id and o.status = 'won' and case
            when o.closed_at is null or i.occurred_at is null then o.closed_at__day >= i.occurred_at__day
            else o.closed_at >= i.occurred_at end) as win_day
    from social_interactions i join contacts c on c.contact_id = i.contact_id
    where i.brand = 'own' and c.account_id is not null
)
select count(*) filter (where win_day <= day + 180 and win_day <= seen($as_of, 'opportunities')) / nullif(count(*), 0) as value
from met
where day >= $start and day < $end and day + 180 <= seen($as_of, 'opportunities')
    and ($every or platform is not distinct from $segment)
