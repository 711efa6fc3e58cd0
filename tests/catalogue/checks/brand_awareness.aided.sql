-- split: product
-- Respondents of the target market who knew us (aided), over those of whom that is told.
select count(*) filter (where aided) / nullif(count(aided), 0) as value from surveys
where kind = 'awareness' and in_market and answered_at__day >= $start and answered_at__day < $end
    and ($every or product is not distinct from $segment)
