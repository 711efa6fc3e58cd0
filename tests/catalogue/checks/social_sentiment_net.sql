-- split: platform
-- 100 times positive less negative mentions over all that were judged.
select 100 * (count(*) filter (where sentiment = 'positive') - count(*) filter (where sentiment = 'negative'))
    / nullif(count(*), 0) as value
from social_interactions
where kind = 'mention' and brand = 'own' and sentiment is not null
    and occurred_at__day >= $start and occurred_at__day < $end and ($every or platform is not distinct from $segment)
