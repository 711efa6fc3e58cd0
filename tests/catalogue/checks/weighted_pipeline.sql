-- split: channel
-- The same, each amount times the probability that stood beside it.
select case when count(*) filter (where v.opportunity_id is null) > 0 then null
    else added(v.amount::decimal(18, 6) * v.win_probability::decimal(9, 6), v.currency, $end - 1) end as value
from deals o
left join opportunities__versions v on v.opportunity_id = o.opportunity_id
    and v._valid_from__day < $end and (v._valid_to__day is null or v._valid_to__day >= $end)
where o.created_at__day < $end and (o.closed_at__day is null or o.closed_at__day >= $end)
    and ($every or o.channel is not distinct from $segment)
