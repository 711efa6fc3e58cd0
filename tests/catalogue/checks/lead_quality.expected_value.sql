-- split: channel
-- Mean predicted probability of the leads created in the period, times the mean amount of the deals won in the 12 months up
-- to its end.
select (select avg(win_probability)::double from leads
        where created_at__day >= $start and created_at__day < $end and ($every or channel is not distinct from $segment))
    * (select added(amount, currency, closed_at__day)::double / nullif(count(*), 0) from deals
        where status = 'won' and closed_at__day >= year_before($end) and closed_at__day < $end
            and ($every or channel is not distinct from $segment)) as value
