-- split: stage
-- Of the deals open at the end, the share that stands in its stage for more whole days, as far as its history is told, than the
-- third quartile of the stays in that stage of all deals won by the day asked; of stages that five of these stays ended in.
with stays as (
    select stage, seconds(e.entered_at, e.entered_at__day, e.exited_at, e.exited_at__day) as took
    from stage_entries e join opportunities o on o.opportunity_id = e.subject_id
    where e.subject_kind = 'opportunity' and o.status = 'won' and o.closed_at__day <= $as_of and e.exited_at__day <= $as_of
), limits as (
    select stage, quantile_cont(took, 0.75) as longest from stays where took >= 0 group by stage having count(*) >= 5
), standing as (
    select e.stage, (least($end::date - 1, seen($as_of, 'stage_entries')) - e.entered_at__day) * 86400 as stood
    from stage_entries e join opportunities o on o.opportunity_id = e.subject_id
    where e.subject_kind = 'opportunity' and e.stage not in ('won', 'lost') and e.entered_at__day < $end
        and (e.exited_at__day is null or e.exited_at__day >= $end) and (o.closed_at__day is null or o.closed_at__day >= $end)
)
select count(*) filter (where stood > longest) / nullif(count(*), 0) as value from standing join limits using (stage)
where $every or stage is not distinct from $segment
