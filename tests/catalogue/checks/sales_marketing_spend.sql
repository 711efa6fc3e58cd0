-- split: channel
-- The same of marketing and of sales.
select added(amount, currency, day) as value from costs
where function in ('marketing', 'sales') and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
    and day >= $start and day < $end and ($every or channel is not distinct from $segment)
