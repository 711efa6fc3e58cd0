-- What a customer brings a year at the gross margin, over the share of customers (mean of start and end) lost in the year.
select yearly_margin($end) / nullif(lost / nullif((first + last) / 2, 0), 0) as value from customers_of_the_year($end)
