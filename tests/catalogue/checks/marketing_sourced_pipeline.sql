-- split: product
select added(created_amount, currency, created_at__day) as value from opportunities
where kind is distinct from 'renewal' and origin = 'marketing' and created_at__day >= $start and created_at__day < $end
    and ($every or product is not distinct from $segment)
