-- split: product
-- Answers of 4 or 5 of 5, of all answers of 5.
select count(*) filter (where score >= 4) / nullif(count(*), 0) as value from surveys
where kind = 'csat' and scale = 5 and score is not null and answered_at__day >= $start and answered_at__day < $end
    and ($every or product is not distinct from $segment)
