-- split: channel
-- Won amount of the deals that marketing brought, less everything booked to marketing.
select (select added(amount, currency, closed_at__day) from deals
        where status = 'won' and origin = 'marketing' and closed_at__day >= $start and closed_at__day < $end
            and ($every or channel is not distinct from $segment))::double
    - (select added(amount, currency, day) from costs
        where function = 'marketing' and day >= $start and day < $end and ($every or channel is not distinct from $segment))::double as value
