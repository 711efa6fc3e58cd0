-- split: channel
select (select added(amount, currency, day) from costs
        where function = 'marketing' and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
            and day >= $start and day < $end and ($every or channel is not distinct from $segment))::double
    / nullif((select count(*) from deals
        where kind is distinct from 'renewal' and created_at__day >= $start and created_at__day < $end
            and ($every or channel is not distinct from $segment)), 0) as value
