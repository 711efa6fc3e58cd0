"""Landed rows become canonical tables: versions, derived columns, journeys, calendar and exchange rates."""
