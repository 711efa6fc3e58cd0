-- split: list
-- Mails clicked by people over mails opened.
select count(distinct message_id) filter (where kind = 'clicked' and machine is distinct from true)
    / nullif(count(distinct message_id) filter (where kind = 'opened'), 0) as value
from email_events
where sent_at__day >= $start and sent_at__day < $end and (occurred_at__day is null or occurred_at__day <= $as_of)
    and ($every or list is not distinct from $segment)
