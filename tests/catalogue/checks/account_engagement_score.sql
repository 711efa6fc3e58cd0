-- split: industry
-- Mean score that the companies known by the end had then.
select avg(v.score_engagement::double) as value
from accounts a left join accounts__versions v on v.account_id = a.account_id
    and v._valid_from__day < $end and (v._valid_to__day is null or v._valid_to__day >= $end)
where a.created_at__day < $end and ($every or a.industry is not distinct from $segment)
