-- split: channel
-- Different cookies with a visit that came by a link of another site.
select count(distinct visitor_id) as value from web_sessions
where medium = 'referral' and started_at__day >= $start and started_at__day < $end
    and ($every or channel is not distinct from $segment)
