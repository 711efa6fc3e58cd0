"""A page: its addresses in `route`, its template beside it."""
