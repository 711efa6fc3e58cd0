-- split: product
-- Won amount of the deals with a person in a role whom a marketing touch had met by the close.
select added(amount, currency, closed_at__day) as value from opportunities o
where status = 'won' and closed_at__day >= $start and closed_at__day < $end and ($every or product is not distinct from $segment)
    and exists (
        from contact_roles r join touches t on t.contact_id = r.contact_id
        where r.opportunity_id = o.opportunity_id and t.marketing
            and if(t.occurred_at is null or o.closed_at is null, t.occurred_at__day <= o.closed_at__day, t.occurred_at <= o.closed_at)
    )
