-- split: platform
-- Of what people did with our posts whose fit is known, what those did who fit.
select count(*) filter (where c.icp_fit) / nullif(count(*), 0) as value
from social_interactions i join contacts c on c.contact_id = i.contact_id
where i.brand = 'own' and i.kind <> 'mention' and c.icp_fit is not null
    and i.occurred_at__day >= $start and i.occurred_at__day < $end and ($every or i.platform is not distinct from $segment)
