-- split: stage
select avg(seconds(entered_at, entered_at__day, exited_at, exited_at__day)) / 86400 as value from stage_entries
where entry = 1 and exited_at__day >= $start and exited_at__day < $end
    and seconds(entered_at, entered_at__day, exited_at, exited_at__day) >= 0 and ($every or stage is not distinct from $segment)
