-- split: product
-- Won over won and lost, by the day of closing.
select count(*) filter (where status = 'won') / nullif(count(*), 0) as value from opportunities
where status in ('won', 'lost') and closed_at__day >= $start and closed_at__day < $end
    and ($every or product is not distinct from $segment)
