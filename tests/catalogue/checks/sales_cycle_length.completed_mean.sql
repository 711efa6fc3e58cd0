-- split: product
select avg(seconds(created_at, created_at__day, closed_at, closed_at__day)) / 86400 as value from opportunities
where status = 'won' and closed_at__day >= $start and closed_at__day < $end
    and seconds(created_at, created_at__day, closed_at, closed_at__day) >= 0 and ($every or product is not distinct from $segment)
