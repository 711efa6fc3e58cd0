"""Headwater: the KPI system for B2B marketing."""

__version__ = "0.1.0"
