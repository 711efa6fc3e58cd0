-- split: channel
-- Median days from SQL to the first quote of the deals that credit the lead, of the first quotes of the period.
with quoted as (
    select p.sql, p.sql_day, p.channel, first(q.issued_at order by q.issued_at__day, q.issued_at nulls last, q.quote_id) as quote,
        min(q.issued_at__day) as quote_day
    from people p join opportunities o on o.lead_id = p.lead_id join quotes q on q.opportunity_id = o.opportunity_id
    group by p.lead_id, p.sql, p.sql_day, p.channel
)
select median(seconds(sql, sql_day, quote, quote_day)) / 86400 as value from quoted
where quote_day >= $start and quote_day < $end and seconds(sql, sql_day, quote, quote_day) >= 0
    and ($every or channel is not distinct from $segment)
