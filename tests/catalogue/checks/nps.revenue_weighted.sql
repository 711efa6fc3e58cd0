-- split: product
-- Each answer by the revenue behind it: promoters less detractors, in points.
with answered as (
    select * from surveys
    where kind = 'nps' and score is not null and answered_at__day >= $start and answered_at__day < $end
        and ($every or product is not distinct from $segment)
)
select 100 * (select added(case when score >= 9 then weight when score > 6 then 0 else -weight end, currency, answered_at__day)
        from answered)::double
    / nullif((select added(weight, currency, answered_at__day) from answered), 0) as value
