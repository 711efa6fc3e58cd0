-- split: device
-- The load time that three quarters of the page views did not exceed.
select quantile_cont(load_seconds::double, 0.75) as value from actions
where kind = 'page_view' and occurred_at__day >= $start and occurred_at__day < $end
    and ($every or device is not distinct from $segment)
