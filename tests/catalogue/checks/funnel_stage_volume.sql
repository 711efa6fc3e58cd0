-- split: stage
-- Entries of the period.
select count(*) as value from stage_entries
where entered_at__day >= $start and entered_at__day < $end and ($every or stage is not distinct from $segment)
