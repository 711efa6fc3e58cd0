-- split: channel
-- Leads with a recommending company, or of an origin that is a recommendation.
select count(*) as value from leads
where (referrer_account_id is not null or lower(origin) in ('referral', 'customer referral', 'partner referral'))
    and created_at__day >= $start and created_at__day < $end and ($every or channel is not distinct from $segment)
