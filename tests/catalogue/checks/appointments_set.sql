-- split: owner
-- Meetings booked by outbound calls, by the day of booking.
select count(*) as value from activities
where kind = 'meeting' and booked_via = 'outbound_call' and booked_at__day >= $start and booked_at__day < $end
    and ($every or owner is not distinct from $segment)
