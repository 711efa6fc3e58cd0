"""Filters as lists of conditions: what a page adds when a segment is chosen, and removes when it is let go."""

from __future__ import annotations

from headwater.errors import QueryError
from headwater.metrics.language import LanguageError, format_predicate, parse_predicate
from headwater.model.expression import And, ColumnName, Compare, Constant, In, IsEmpty, IsTrue, Not, Predicate
from headwater.model.lowering import columns_in


def conditions(text: str) -> tuple[str, ...]:
    """The conditions that must all hold, each as a text; none where the filter is empty.

    >>> conditions("channel = 'ads' and (region = 'EU' or region is empty)")
    ("channel = 'ads'", "region = 'EU' or region is empty")
    """
    if not text.strip():
        return ()
    predicate = _parsed(text)
    parts = predicate.parts if isinstance(predicate, And) else (predicate,)
    return tuple(dict.fromkeys(format_predicate(p) for p in parts))


def joined(parts: tuple[str, ...]) -> str:
    """The filter in which every condition holds; an empty text for none.

    >>> joined(("a = 'x'", "b = 'y' or b is empty"))
    "a = 'x' and (b = 'y' or b is empty)"
    """
    if not parts:
        return ""
    read = tuple(_parsed(p) for p in dict.fromkeys(parts))
    return format_predicate(read[0] if len(read) == 1 else And(read))


def is_segment(split: str, value: str | None) -> str:
    """The condition that a split has this value (None: is empty); an empty text where the language cannot say it.

    >>> is_segment("channel", "Tim's"), is_segment("channel", None), is_segment("channel", "a\\nb")
    ("channel = 'Tim''s'", 'channel is empty', '')
    """
    column = ColumnName(split)
    predicate: Predicate = IsEmpty(column) if value is None else Compare("=", column, Constant(value))
    try:
        text = format_predicate(predicate)
        return text if parse_predicate(text) == predicate else ""
    except (LanguageError, ValueError):
        return ""


def asked_of(condition: str) -> frozenset[str]:
    """The splits and columns that a condition asks for.

    >>> sorted(asked_of("channel = 'ads' or region is empty"))
    ['channel', 'region']
    """
    return columns_in(_parsed(condition))


def segment_of(condition: str) -> tuple[str, str | None] | None:
    """The split and the value that a condition asks for, where it is of that form.

    >>> segment_of("channel = 'ads'"), segment_of("channel is empty"), segment_of("amount > 5")
    (('channel', 'ads'), ('channel', None), None)
    """
    match _parsed(condition):
        case Compare("=", ColumnName(split), Constant(value)) if isinstance(value, str):
            return split, value
        case In(ColumnName(split), (Constant(value),)) if isinstance(value, str):
            return split, value
        case IsEmpty(ColumnName(split)):
            return split, None
        case IsTrue(ColumnName(split)):
            return split, "true"
        case Not(IsTrue(ColumnName(split))):
            return split, "false"
        case _:
            return None


def _parsed(text: str) -> Predicate:
    try:
        return parse_predicate(text)
    except LanguageError as error:
        raise QueryError(
            str(error), where="filter", do="Write a filter such as channel = 'ads' and region is not empty."
        ) from None
