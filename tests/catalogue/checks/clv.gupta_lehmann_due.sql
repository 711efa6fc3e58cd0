-- Yearly margin times (1 + i) / (1 + i - r), with r the share kept in the year and i = 10 %.
select yearly_margin($end) * (1 + 0.1) / nullif(1 + 0.1 - (1 - lost / nullif(first, 0)), 0) as value
from customers_of_the_year($end)
