-- split: channel
-- Media, content, events, tools, programmes and people booked to marketing.
select added(amount, currency, day) as value from costs
where function = 'marketing' and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
    and day >= $start and day < $end and ($every or channel is not distinct from $segment)
