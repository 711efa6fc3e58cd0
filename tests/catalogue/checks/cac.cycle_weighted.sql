-- Spend on new business, each month's in parts that count as much later as deals took (those won in the twelve months up to
-- the day asked, in whole months), over the new customers; unknown where the costs do not reach back for the longest.
with cycles as (
    select least(36, floor(seconds(created_at, created_at__day, closed_at, closed_at__day) / 2629746 + 0.5))::integer as months,
        seconds(created_at, created_at__day, closed_at, closed_at__day) as took
    from deals
    where status = 'won' and closed_at__day <= $as_of and closed_at__day >= $as_of::date + 1 - interval 12 months
        and seconds(created_at, created_at__day, closed_at, closed_at__day) >= 0
), spent as (
    select * from costs
    where function in ('marketing', 'sales') and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
        and (purpose is null or purpose in ('new_business', 'general')) and day <= $as_of
), won as (
    select count(*) as n from companies where customer_day >= $start and customer_day < $end
), lags as (
    select months, count(*) as n from cycles group by months
), parts as (
    select lags.months, added(amount, currency, day)::double * any_value(lags.n) as part
    from spent, lags where day + to_months(lags.months) >= $start and day + to_months(lags.months) < $end
    group by lags.months
), sums as (
    select if(count(part) = count(*), sum(part), null) / (select sum(n) from lags) as total, count(*) as n from parts
)
select if(sums.n > 0 and $start::date - to_months((select max(months) from lags)) >= (select date_trunc('month', min(day)) from costs),
    total / nullif(won.n, 0), null) as value from sums, won
