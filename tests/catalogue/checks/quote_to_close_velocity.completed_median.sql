-- split: product
-- Median days from the first quote to winning, of the wins of the period.
select median(seconds(quote, quote_day, closed_at, closed_at__day)) / 86400 as value from deals
where status = 'won' and closed_at__day >= $start and closed_at__day < $end
    and seconds(quote, quote_day, closed_at, closed_at__day) >= 0 and ($every or product is not distinct from $segment)
