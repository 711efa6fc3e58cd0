-- split: stage
-- Exits of the period.
select count(*) as value from stage_entries
where exited_at__day >= $start and exited_at__day < $end and ($every or stage is not distinct from $segment)
