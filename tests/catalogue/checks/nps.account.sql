-- split: product
-- The mean over companies of the mean of their answers, 100 for a promoter, -100 for a detractor.
with answers as (
    select account_id, case when score >= 9 then 100 when score <= 6 then -100 else 0 end as points
    from surveys
    where kind = 'nps' and score is not null and account_id is not null and answered_at__day >= $start
        and answered_at__day < $end and ($every or product is not distinct from $segment)
)
select avg(mean) as value from (select avg(points) as mean from answers group by account_id)
