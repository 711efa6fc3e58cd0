-- split: product
-- Companies with an order in the period that is their second or a later one; orders of one day are taken in any order.
with placed as (
    select account_id, product, ordered_at__day as day,
        nth_value(ordered_at__day, 2) over (partition by account_id order by ordered_at__day rows between unbounded preceding and unbounded following) as second_day
    from orders where line_number = 1 and account_id is not null
)
select count(distinct account_id) as value from placed
where day >= $start and day < $end and day >= second_day and ($every or product is not distinct from $segment)
