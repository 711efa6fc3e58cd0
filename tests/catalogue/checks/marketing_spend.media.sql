-- split: channel
select added(amount, currency, day) as value from costs
where function = 'marketing' and kind = 'media' and day >= $start and day < $end and ($every or channel is not distinct from $segment)
