-- split: product
-- Amounts of won deals that sell more to a customer.
select added(amount, currency, closed_at__day) as value from opportunities
where kind = 'upsell' and status = 'won' and closed_at__day >= $start and closed_at__day < $end
    and ($every or product is not distinct from $segment)
