-- Mean order, orders of a buyer in a year, margin of the orders, and the years a customer stays by the churn of the year.
with bought as (
    select * from orders where account_id is not null and ordered_at__day >= year_before($end) and ordered_at__day < $end
), sums as (
    select (select added(amount, currency, ordered_at__day)::double from bought) as revenue,
        (select added(cost_of_goods, currency, ordered_at__day)::double from bought) as goods,
        (select count(distinct order_id) from bought) as orders,
        (select count(distinct account_id) from bought) as buyers
)
select revenue / nullif(orders, 0) * orders / nullif(buyers, 0) * (revenue - goods) / nullif(revenue, 0)
    * ((first + last) / 2) / nullif(lost, 0) as value
from sums, customers_of_the_year($end)
