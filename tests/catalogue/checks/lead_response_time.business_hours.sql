-- split: channel
-- Median working seconds to the first answer of the inquiries of the period that were answered.
select median(response_business_seconds) as value from leads
where inquiry and inquired_at__day >= $start and inquired_at__day < $end and first_response_at__day <= seen($as_of, 'leads')
    and ($every or channel is not distinct from $segment)
