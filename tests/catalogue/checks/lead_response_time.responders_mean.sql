-- split: channel
-- Mean minutes to the first answer of the inquiries of the period that were answered.
select avg(seconds(inquired_at, inquired_at__day, first_response_at, first_response_at__day)) / 60 as value from leads
where inquiry and inquired_at__day >= $start and inquired_at__day < $end and first_response_at__day <= seen($as_of, 'leads')
    and ($every or channel is not distinct from $segment)
