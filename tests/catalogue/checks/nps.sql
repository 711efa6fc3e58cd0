-- split: product
-- Per cent promoters (9, 10) less per cent detractors (0 to 6), of the answers of the period.
select 100 * (count(*) filter (where score >= 9) - count(*) filter (where score <= 6)) / nullif(count(*), 0) as value from surveys
where kind = 'nps' and score is not null and answered_at__day >= $start and answered_at__day < $end
    and ($every or product is not distinct from $segment)
