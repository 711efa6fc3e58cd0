-- split: product
-- Won over won and lost to a competitor.
select count(*) filter (where status = 'won') / nullif(count(*), 0) as value from opportunities
where (status = 'won' or (status = 'lost' and competitor is not null)) and closed_at__day >= $start and closed_at__day < $end
    and ($every or product is not distinct from $segment)
