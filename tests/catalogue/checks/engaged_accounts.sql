-- split: industry
-- Companies known by the end that had ten minutes or more then.
select count(*) filter (where v.engagement_minutes >= 10) as value
from accounts a left join accounts__versions v on v.account_id = a.account_id
    and v._valid_from__day < $end and (v._valid_to__day is null or v._valid_to__day >= $end)
where a.created_at__day < $end and ($every or a.industry is not distinct from $segment)
