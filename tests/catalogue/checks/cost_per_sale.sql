-- split: channel
-- Selling and marketing cost over won deals.
select (select added(amount, currency, day) from costs
        where function in ('marketing', 'sales') and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
            and day >= $start and day < $end and ($every or channel is not distinct from $segment))::double
    / nullif((select count(*) from deals
        where status = 'won' and closed_at__day >= $start and closed_at__day < $end
            and ($every or channel is not distinct from $segment)), 0) as value
