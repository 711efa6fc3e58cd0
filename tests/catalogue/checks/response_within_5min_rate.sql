-- split: channel
-- Answered within 5 minutes, of all inquiries of which the minute is known; those of the last day are too young.
select count(*) filter (where first_response_at <= inquired_at + interval 5 minutes) / nullif(count(*), 0) as value from leads
where inquiry and inquired_at__day >= $start and inquired_at__day < $end and inquired_at__day < seen($as_of, 'leads')
    and inquired_at is not null
    and not (first_response_at is null and first_response_at__day is not null and first_response_at__day <= seen($as_of, 'leads'))
    and ($every or channel is not distinct from $segment)
