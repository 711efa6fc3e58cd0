-- split: plan
-- New and added recurring revenue of companies with a marketing touch of theirs, or of one of their people, by then.
select added(mrr_change, currency, occurred_at__day) as value from subscriptions s
where kind in ('new', 'expansion') and occurred_at__day >= $start and occurred_at__day < $end
    and ($every or plan is not distinct from $segment)
    and exists (
        from touches t left join contacts c on c.contact_id = t.contact_id
        where coalesce(t.account_id, c.account_id) = s.account_id and t.marketing
            and if(t.occurred_at is null or s.occurred_at is null, t.occurred_at__day <= s.occurred_at__day,
                t.occurred_at <= s.occurred_at)
    )
