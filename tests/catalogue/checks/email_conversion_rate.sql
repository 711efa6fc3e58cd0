-- split: list
-- People who first reached a goal within 30 days of the sending, over people who had a mail delivered; mails sent at least 30
-- days before.
select count(distinct contact_id) filter (where converted_at__day <= sent_at__day + 30
        and converted_at__day <= seen($as_of, 'actions')) / nullif(count(distinct contact_id), 0) as value
from email_events
where kind = 'delivered' and sent_at__day >= $start and sent_at__day < $end
    and sent_at__day + 30 <= seen($as_of, 'actions')
    and (occurred_at__day is null or occurred_at__day <= seen($as_of, 'actions'))
    and ($every or list is not distinct from $segment)
