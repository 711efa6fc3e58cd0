-- split: list
-- People who clicked a mail and were first marketing-qualified within 30 days of its sending, over people who had a mail
-- delivered; mails sent at least 30 days before, and without those who were marketing-qualified before.
select count(distinct contact_id) filter (where kind = 'clicked' and machine is distinct from true
        and mql_at__day <= sent_at__day + 30 and mql_at__day <= seen($as_of, 'leads'))
    / nullif(count(distinct contact_id) filter (where kind = 'delivered'), 0) as value
from email_events
where mql_before_at__day is null and sent_at__day >= $start and sent_at__day < $end
    and sent_at__day + 30 <= seen($as_of, 'leads')
    and (occurred_at__day is null or occurred_at__day <= seen($as_of, 'leads'))
    and ($every or list is not distinct from $segment)
