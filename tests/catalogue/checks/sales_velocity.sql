-- split: channel
-- Open deals at the end, times the rate of wins, the mean won amount and over the mean days to win of the 12 months up to it.
with closed as (
    select * from deals where status in ('won', 'lost') and closed_at__day >= year_before($end) and closed_at__day < $end
        and ($every or channel is not distinct from $segment)
)
select (select count(*) from deals
        where created_at__day < $end and (closed_at__day is null or closed_at__day >= $end) and ($every or channel is not distinct from $segment))
    * (select count(*) filter (where status = 'won') / nullif(count(*), 0) from closed)
    * (select added(amount, currency, closed_at__day)::double / nullif(count(*), 0) from closed where status = 'won')
    / nullif((select avg(seconds(created_at, created_at__day, closed_at, closed_at__day)) / 86400 from closed
        where status = 'won' and seconds(created_at, created_at__day, closed_at, closed_at__day) >= 0), 0) as value
