-- split: stage
-- Entered before the end and not left by then.
select count(*) as value from stage_entries
where entered_at__day < $end and (exited_at__day is null or exited_at__day >= $end) and ($every or stage is not distinct from $segment)
