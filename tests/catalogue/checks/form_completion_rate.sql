-- Forms sent over forms opened, those of the site and those of the platforms.
with site as (
    select count(*) filter (where step = 'completed') as sent, count(*) filter (where step = 'opened') as opened
    from actions where kind = 'form' and occurred_at__day >= $start and occurred_at__day < $end
), platforms as (
    select coalesce(sum(form_sends), 0) as sent, coalesce(sum(form_opens), 0) as opened
    from ad_days where day >= $start and day < $end
)
select (s.sent + p.sent) / nullif(s.opened + p.opened, 0) as value from site s, platforms p
