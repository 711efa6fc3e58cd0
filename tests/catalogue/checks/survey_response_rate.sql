-- split: product
-- Of the invitations that arrived, those answered within 30 days; younger ones wait.
select count(*) filter (where answered_at__day <= invited_at__day + 30 and answered_at__day <= seen($as_of, 'surveys'))
    / nullif(count(*), 0) as value
from surveys
where delivered and invited_at__day >= $start and invited_at__day < $end and invited_at__day + 30 <= seen($as_of, 'surveys')
    and ($every or product is not distinct from $segment)
