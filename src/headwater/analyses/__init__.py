"""Analyses: one file a method, each a pure function from Arrow table to Arrow table."""
