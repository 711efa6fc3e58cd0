"""The HTTP surface: one path a read verb, and the server behind `headwater serve`, for this computer alone."""
