-- What several check queries share, written from the definitions and on mapped columns alone.
-- A moment is a pair: the instant `x` (empty where the day alone is known) and the local date `x__day`.

-- Through which channel a visit or a click came where the source does not say: of what this company has, an organic visit
-- is one of a search engine, a paid one of no known site, a referral of another site; its ad platforms are called by names
-- that no rule knows, so that the kind of advertising tells it.
update web_sessions set channel = case medium when 'organic' then 'Organic Search' when 'cpc' then 'Paid Other'
    when 'referral' then 'Referral' end
where channel is null;
update ad_days set channel = case kind when 'search' then 'Paid Search' when 'social' then 'Paid Social'
    when 'display' then 'Display' else '(unassigned)' end
where channel is null;

-- Whole seconds between two moments; whole days where one of them is known to the day alone.
create macro seconds(a, a_day, b, b_day) as
    case when a is null or b is null then (b_day - a_day) * 86400 else epoch(b)::bigint - epoch(a)::bigint end;

-- What one of a currency is worth on a day: the last rate published within a week; nothing where there is none.
create macro rate(of_currency, on_day) as
    case when of_currency is null or of_currency = 'EUR' then 1::decimal(18, 10) else (
        select max_by(r.rate, r.day)::decimal(18, 10) from exchange_rates r
        where r.currency = of_currency and r.day between on_day - 7 and on_day
    ) end;

-- A sum in EUR; no value when one of the amounts has no rate.
create macro added(amount, of_currency, on_day) as
    case when count(amount) filter (where rate(of_currency, on_day) is null) > 0 then null
    else coalesce(sum(amount::decimal(20, 6) * rate(of_currency, on_day)), 0) end;

-- The first entry into each stage.
create view first_entries as
select subject_kind, subject_id, stage,
    first(entered_at order by entered_at__day, entered_at nulls last) as entered_at, min(entered_at__day) as entered_at__day
from stage_entries group by all;

-- Leads with the moment of each stage: as the source says, else the first entry; then the first opportunity, first win and
-- first quote of the deals that name the lead.
create view people as
with staged as (
    select l.*,
        if(l.mql_at__day is null, m.entered_at, l.mql_at) as mql, coalesce(l.mql_at__day, m.entered_at__day) as mql_day,
        if(l.handed_over_at__day is null, h.entered_at, l.handed_over_at) as handed,
        coalesce(l.handed_over_at__day, h.entered_at__day) as handed_day,
        coalesce(l.sal_at__day, s.entered_at__day) as sal_day,
        if(l.sales_qualified_at__day is null, q.entered_at, l.sales_qualified_at) as sql,
        coalesce(l.sales_qualified_at__day, q.entered_at__day) as sql_day
    from leads l
    left join first_entries m on m.subject_kind = 'lead' and m.subject_id = l.lead_id and m.stage = 'mql'
    left join first_entries h on h.subject_kind = 'lead' and h.subject_id = l.lead_id and h.stage = 'handed_over'
    left join first_entries s on s.subject_kind = 'lead' and s.subject_id = l.lead_id and s.stage = 'sal'
    left join first_entries q on q.subject_kind = 'lead' and q.subject_id = l.lead_id and q.stage = 'sales_qualified'
)
select s.*,
    (select min(o.created_at__day) from opportunities o where o.lead_id = s.lead_id) as opportunity_day,
    (select min(o.closed_at__day) from opportunities o where o.lead_id = s.lead_id and o.status = 'won') as customer_day
from staged s;

-- Opportunities with the channel (else the credited lead's), the gate of qualification and the first quote.
create view deals as
select o.* exclude (channel), coalesce(o.channel, (select l.channel from leads l where l.lead_id = o.lead_id)) as channel,
    coalesce(o.qualified_at__day, e.entered_at__day) as qualified_day,
    q.issued_at as quote, q.issued_at__day as quote_day
from opportunities o
left join first_entries e on e.subject_kind = 'opportunity' and e.subject_id = o.opportunity_id and e.stage = 'qualified'
left join (
    select opportunity_id, first(issued_at order by issued_at__day, issued_at nulls last, quote_id) as issued_at,
        min(issued_at__day) as issued_at__day
    from quotes group by opportunity_id
) q on q.opportunity_id = o.opportunity_id;

-- Companies with the day of their first win and the day they left.
create view companies as
select a.*,
    (select min(o.closed_at__day) from opportunities o where o.account_id = a.account_id and o.status = 'won') as customer_day,
    coalesce(a.churned_at__day, (
        select max(s.occurred_at__day) from subscriptions s where s.account_id = a.account_id and s.kind = 'churn'
    )) as lost_day
from accounts a;

-- The last day on which a deal, or a lead, can have been seen to happen.
create macro seen(as_of, of_table) as
    least(as_of, (select c.day from complete_through c where c."table" = of_table));

-- The first of the twelve months that end with a period of whole months, which may be cut short by the day asked as of.
create macro year_before(end_day) as
    case when day(end_day) = 1 then end_day - interval 12 months else date_trunc('month', end_day) - interval 11 months end;

-- Customers a year before the end of a period, those of them lost since, and those at the end; the yearly margin of one.
create macro customers_of_the_year(end_day) as table
    select count(*) filter (where customer_day < year_before(end_day) and (lost_day is null or lost_day >= year_before(end_day))) as first,
        count(*) filter (where customer_day < year_before(end_day) and lost_day >= year_before(end_day) and lost_day < end_day) as lost,
        count(*) filter (where customer_day < end_day and (lost_day is null or lost_day >= end_day)) as last
    from companies;
create macro yearly_margin(end_day) as (
    with books as (
        select * from ledger where not cash and day >= year_before(end_day) and day < end_day
    ), sums as (
        select (select added(amount, currency, day) from books where kind = 'revenue')::double as revenue,
            (select added(amount, currency, day) from books where kind = 'cogs')::double as goods
    )
    select 12 * (select added(mrr_change, currency, end_day - 1)::double from subscriptions where occurred_at__day < end_day)
        / nullif((select last from customers_of_the_year(end_day)), 0) * (revenue - goods) / nullif(revenue, 0) from sums
);
