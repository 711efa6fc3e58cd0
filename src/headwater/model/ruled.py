"""Which columns rules decide, and which of these rules changed between two builds."""

from __future__ import annotations

from headwater.model.table import ByChannel, ByIdentity, Column, Key

RULES = ("identity", "channels")
"""Whose versions follow that of the definitions in a build's, each after a point: they decide some columns alone."""


def structure_of(build: str) -> str:
    """The version of the definitions without that of the rules."""
    return build.partition(".")[0]


def other_rules(before: str, after: str) -> frozenset[str]:
    """The rules of which two builds have other versions.

    >>> sorted(other_rules("a1.b.c", "a1.b.d"))
    ['channels']
    """
    one, other = ((*text.split(".")[1:], "", "")[: len(RULES)] for text in (before, after))
    return frozenset(name for name, a, b in zip(RULES, one, other, strict=True) if a != b)


def rule_of(column: Column) -> str:
    """The rules that decide a column, '' where none do."""
    match column.derive:
        case ByIdentity() | Key("company"):
            return "identity"
        case ByChannel():
            return "channels"
        case _:
            return ""
