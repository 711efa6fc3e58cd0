-- split: channel
select (select added(amount, currency, day) from costs
        where function = 'marketing' and kind in ('media', 'content', 'events', 'tools', 'programme', 'people')
            and day >= $start and day < $end and ($every or channel is not distinct from $segment))::double
    / nullif((select count(*) from people
        where sql_day >= $start and sql_day < $end and ($every or channel is not distinct from $segment)), 0) as value
