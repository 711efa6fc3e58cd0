-- split: topic
-- Posts whose first day lies in the period.
select count(*) as value from content_items
where kind = 'blog_post' and published_at__day >= $start and published_at__day < $end
    and ($every or topic is not distinct from $segment)
