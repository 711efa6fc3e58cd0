-- split: channel
-- Gross profit of the won deals that marketing brought, less what marketing spent.
select (select added(gross_profit, currency, closed_at__day) from deals
        where status = 'won' and origin = 'marketing' and closed_at__day >= $start and closed_at__day < $end
            and ($every or channel is not distinct from $segment))::double
    - (select added(amount, currency, day) from costs
        where function = 'marketing' and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
            and day >= $start and day < $end and ($every or channel is not distinct from $segment))::double as value
