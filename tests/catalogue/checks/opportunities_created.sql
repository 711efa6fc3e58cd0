-- split: origin
-- Opportunities by the day they were opened; renewals are not asked for.
select count(*) as value from opportunities
where kind is distinct from 'renewal' and created_at__day >= $start and created_at__day < $end
    and ($every or origin is not distinct from $segment)
