-- split: channel
-- People who raised a hand, by the day they did.
select count(*) as value from leads
where inquiry and inquired_at__day >= $start and inquired_at__day < $end and ($every or channel is not distinct from $segment)
