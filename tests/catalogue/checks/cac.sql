-- What was spent on new business one median cycle earlier, over the new customers. The cycle is that of the deals won in the
-- twelve months up to the day asked, in whole months; unknown where the costs do not reach back so far.
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
), lag as (
    select least(36, floor(median(took) / 2629746 + 0.5))::integer as months from cycles having count(*) > 0
), sums as (
    select added(amount, currency, day) as total, count(*) as n, any_value(months) as months from spent, lag
    where day + to_months(months) >= $start and day + to_months(months) < $end
)
select if(sums.n > 0 and $start::date - to_months(months) >= (select date_trunc('month', min(day)) from costs),
    total::double / nullif(won.n, 0), null) as value from sums, won
