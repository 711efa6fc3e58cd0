-- split: product
-- The same of the deals that passed the qualification gate.
select count(*) filter (where status = 'won') / nullif(count(*), 0) as value from deals
where status in ('won', 'lost') and qualified_day <= $as_of and closed_at__day >= $start and closed_at__day < $end
    and ($every or product is not distinct from $segment)
