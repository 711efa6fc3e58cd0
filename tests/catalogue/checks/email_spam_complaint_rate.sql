-- split: list
-- Mails reported as spam over mails sent that did not bounce.
select count(distinct message_id) filter (where kind = 'complained') / nullif(
    count(distinct message_id) filter (where kind = 'sent') - count(distinct message_id) filter (where kind = 'bounced'), 0) as value
from email_events
where sent_at__day >= $start and sent_at__day < $end and (occurred_at__day is null or occurred_at__day <= $as_of)
    and ($every or list is not distinct from $segment)
