"""A made-up company to look at: three years of a B2B software house as exports, with the truth behind them."""
