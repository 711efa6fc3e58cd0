-- split: product
-- Of the opportunities opened in the period, those won within 180 days; younger ones wait.
select count(*) filter (where status = 'won' and closed_at__day <= created_at__day + 180
        and closed_at__day <= seen($as_of, 'opportunities')) / nullif(count(*), 0) as value
from opportunities
where created_at__day >= $start and created_at__day < $end and created_at__day + 180 <= seen($as_of, 'opportunities')
    and ($every or product is not distinct from $segment)
