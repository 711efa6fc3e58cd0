"""Numbers exactly as they were written: marks decided over a whole column, values as decimals, never as doubles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.connectors.cells import DOUBLE, NUMBER, PADDED, Bytes, Cells, Flags
from headwater.connectors.currencies import meant
from headwater.connectors.faults import NUMBER_OF
from headwater.connectors.refusal import Refused
from headwater.model.types import Kind, Type

SPACES = "\u0020\u00a0\u202f\u2009'\u2019"
"""Marks that can only group digits: spaces and apostrophes."""

LONGEST = 200
"""Characters of a number at most."""

_MINUS = re.compile("[\u2212\u2013\ufe63\uff0d]")
_LARGEST_DOUBLE = Decimal("1.7976931348623157e308")


@dataclass(frozen=True, slots=True)
class Marks:
    """The decimal mark and the marks that may group digits of one column."""

    decimal: str = "."
    thousands: str = ""
    accounting: bool = False


@dataclass(slots=True)
class Evidence:
    """What a column's texts show of its marks, gathered chunk by chunk.

    A point or a comma has a proven part when at least one text leaves no choice: `12.5` and `0.500` prove a decimal
    point, `1.234.567` and `1.234,50` a grouping one. `1.234` proves nothing.
    """

    proofs: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    open: dict[str, tuple[int, str]] = field(default_factory=dict)

    def see(self, texts: Any, rows: Any) -> None:
        """Takes in the texts of a chunk (trimmed, without typed cells)."""
        for mark in (".", ","):
            if not pc.any(pc.match_substring(texts, mark)).as_py():
                continue
            for part in ("decimal", "grouping"):
                if (mark, part) not in self.proofs and (found := _first(texts, rows, _SHAPES[mark, part])):
                    self.proofs[mark, part] = found
            proven = (mark, "decimal") in self.proofs or (mark, "grouping") in self.proofs
            if not proven and mark not in self.open and (found := _first(texts, rows, _SHAPES[mark, "open"])):
                self.open[mark] = found

    def decide(self, column: str, personal: bool) -> Marks:
        """The marks of the column; refuses when two readings fit."""

        def shown(example: tuple[int, str]) -> str:
            return f"row {example[0]}" if personal else f"{example[1]!r} (row {example[0]})"

        def refuse(example: tuple[int, str], what: str) -> Refused:
            do = "Say which mark is which, for the column or the source: 'decimal: \",\"' or 'decimal: \".\"'."
            return Refused("ambiguous_number", what, row=example[0], column=column, do=do)

        point, comma = ({part: e for (mark, part), e in self.proofs.items() if mark == wanted} for wanted in (".", ","))
        for one, other in ((point, point), (comma, comma), (point, comma)):
            for part, another in (("decimal", "grouping"),) if one is other else (("decimal",) * 2, ("grouping",) * 2):
                if part in one and another in other:
                    first, second = sorted((one[part], other[another]))
                    raise refuse(second, f"the numbers are written in two ways: {shown(first)} and {shown(second)}")
        for mark, example in self.open.items():
            if not (point if mark == "." else comma):
                raise refuse(example, f"{shown(example)} can be read as two numbers, and no other row settles it")
        if "decimal" in comma or "grouping" in point:
            return Marks(",", "." + SPACES)
        return Marks(".", "," + SPACES)


def _shapes() -> Iterator[tuple[tuple[str, str], str]]:
    before = r"^[+(-]?(?:R|[A-Z]{2,3})?[^\w.,]{0,3}"  # a sign, a currency
    after = r"[^\w.,]{0,2}(?:[^\W\d_]{2,3})?[^\w.,]{0,2}$"
    digits = rf"[\d{SPACES}]"
    for mark, other in ((".", ","), (",", ".")):
        m, o = re.escape(mark), re.escape(other)
        yield (mark, "open"), rf"{before}[1-9]\d{{0,2}}{m}\d{{3}}{after}"
        alone = "|".join(
            (  # 1234.5, 0.500, .5: digits before that are no group, or digits after that are not three
                rf"(?:0\d*|\d{{4,}}|\d+[{SPACES}]{digits}*)?{m}\d+",
                rf"\d*{m}(?:\d{{0,2}}|\d{{4,}})",
            )
        )
        yield (mark, "decimal"), rf"{before}(?:{alone}|\d{{1,3}}(?:{o}\d{{3}})+{m}\d*)(?:[eE][+-]?\d+)?{after}"
        yield (mark, "grouping"), rf"{before}\d{{1,3}}(?:(?:{m}\d{{3}}){{2,}}|(?:{m}\d{{3}})+{o}\d*){after}"


_SHAPES = dict(_shapes())


def _first(texts: Any, rows: Any, pattern: str) -> tuple[int, str] | None:
    """Row and text of the first text that matches."""
    at = pc.index(pc.match_substring_regex(texts, pattern), True).as_py()
    return None if at < 0 else (int(rows[at]), texts[at].as_py())


def convert(
    cells: Cells,
    type: Type,
    marks: Marks,
    *,
    factor: Decimal | None = None,
    currency: Callable[[int], str] | None = None,
) -> tuple[Any, Bytes, int]:
    """The column as exact decimals (integers for `integer`), the fault of each cell, and how many doubles were rounded.

    `currency` gives the currency of a row by its place; a sign beside an amount has to stand for it.
    """
    texts = cells.texts
    codes = np.zeros(len(texts), np.int8)
    scale, precision = (0, 18) if type.kind is Kind.INTEGER else (type.scale, type.precision)
    target = pa.decimal128(precision, scale)
    whole = precision - scale
    typed = np.isin(cells.kinds, (NUMBER, DOUBLE, PADDED)) if cells.kinds is not None else None
    double = cells.kinds == DOUBLE if cells.kinds is not None else None
    plain = _plain(texts, whole, scale, marks.decimal, typed) if factor is None else pa.nulls(len(texts), pa.string())
    values = pc.cast(plain, target)
    rest = np.flatnonzero(pc.and_(pc.is_valid(texts), pc.is_null(plain)).to_numpy(zero_copy_only=False))
    rounded = 0
    if len(rest):
        found: list[Decimal | None] = []
        known: dict[tuple[str, bool, bool, str], tuple[Decimal | str, bool]] = {}
        for i, text in zip(rest.tolist(), texts.take(pa.array(rest)).to_pylist(), strict=True):
            key = (
                text,
                typed is not None and bool(typed[i]),
                double is not None and bool(double[i]) and type.kind is not Kind.INTEGER,
                currency(i) if currency else "",
            )
            if key not in known:
                value = number(text, Marks() if key[1] else marks, key[3], factor=factor)
                fitted = fit(value, whole, scale, double=key[2]) if isinstance(value, Decimal) else value
                known[key] = fitted, isinstance(fitted, Decimal) and fitted != _fifteen(value)
            final, changed = known[key]
            if isinstance(final, str):
                codes[i] = NUMBER_OF[final]
                found.append(None)
            else:
                found.append(final)
                rounded += changed
        where = np.zeros(len(texts), bool)
        where[rest] = True
        values = pc.replace_with_mask(values, pa.array(where), pa.array(found, target))
    return (pc.cast(values, pa.int64()) if type.kind is Kind.INTEGER else values), codes, rounded


def less(minuend: Any, subtrahend: Any) -> tuple[Any, Flags]:
    """One column of numbers less another, row by row, where one that is empty counts nothing, and the rows whose
    difference does not fit the type; no number where both are empty.

    >>> made, large = less(pa.array([5, None, None]), pa.array([2, 3, None]))
    >>> made.to_pylist(), large.tolist()
    ([3, -3, None], [False, False, False])
    """
    some = pc.or_(pc.is_valid(minuend), pc.is_valid(subtrahend))
    zero = pa.scalar(0, minuend.type)
    made = pc.subtract(pc.fill_null(minuend, zero), pc.fill_null(subtrahend, zero))
    large = pa.array(np.zeros(len(made), bool))
    if pa.types.is_decimal(minuend.type):
        limit = Decimal(10) ** (minuend.type.precision - minuend.type.scale)
        large = pc.greater_equal(pc.abs(made), pa.scalar(limit, made.type))
    kept = pc.if_else(pc.and_(some, pc.invert(large)), made, pa.scalar(None, made.type))
    flags = np.asarray(large.to_numpy(zero_copy_only=False), bool)
    return pc.cast(kept, minuend.type), flags


def _plain(texts: Any, whole: int, scale: int, decimal: str, typed: Flags | None) -> Any:
    """The texts that are digits with at most one decimal mark and fit the type, with a point; null for the others."""
    none = pa.scalar(None, pa.string())
    if not whole:
        return pa.nulls(len(texts), pa.string())
    if decimal == ",":
        pointed = pc.match_substring(texts, ".")
        own = pc.or_(pc.invert(pointed), pa.array(typed)) if typed is not None else pc.invert(pointed)
        texts = pc.if_else(own, pc.replace_substring(texts, ",", "."), none)
    fits = rf"^[+-]?[0-9]{{1,{whole}}}" + (rf"(\.[0-9]{{1,{scale}}})?$" if scale else "$")
    return pc.if_else(pc.match_substring_regex(texts, fits), texts, none)


def _fifteen(value: Decimal | str) -> Decimal | str:
    """A number at the 15 significant digits that a double is good for."""
    if isinstance(value, str) or not value:
        return value
    with localcontext(prec=200):
        return value.quantize(Decimal(1).scaleb(value.adjusted() - 14))


def number(text: str, marks: Marks, currency: str = "", *, factor: Decimal | None = None) -> Decimal | str:
    """The number of a text, or the code of what is wrong with it.

    >>> number("(1.234,50)", Marks(",", ".", True))
    Decimal('-1234.50')
    >>> number("12,5", Marks())
    'bad_number'
    """
    if len(text) > LONGEST:
        return "bad_number"
    t = _MINUS.sub("-", text.strip())
    if re.fullmatch(r"[+-]?(nan|inf|infinity|1\.#\w+)", t.casefold()):
        return "non_finite"
    negative = False
    if marks.accounting:
        if (m := re.fullmatch(r"([^()\d]*)\((.*)\)([^()\d]*)", t)) is not None:
            t, negative = m[1] + m[2] + m[3], True
        elif t.endswith("-"):
            t, negative = t[:-1].rstrip(), True
    parts = re.fullmatch(r"([+-]?)([^\d+\-.,]*)([+-]?)((?:\d|[.,](?=\d)).*?)([^\d.,]*)", t, re.ASCII | re.DOTALL)
    if parts is None:
        return "bad_number"
    sign = parts[1] + parts[3]
    body, before, after = parts[4], parts[2].strip(), parts[5].strip()
    if len(sign) > 1 or (negative and sign):
        return "bad_number"
    for beside in (before, after):
        if beside:
            stands_for = meant(beside)
            if not stands_for:
                return "bad_number"
            if currency not in stands_for:
                return "mixed_currency" if currency else "bad_number"
    grouped = _ungrouped(body, marks)
    if grouped is None:
        return "bad_number"
    value = Decimal(grouped)
    if abs(value) > _LARGEST_DOUBLE:
        return "non_finite"
    if value.adjusted() > 40 or (value and value.adjusted() < -60):
        return "out_of_range" if value.adjusted() > 0 else "precision"
    if negative or sign == "-":
        value = -value
    if factor is not None:
        with localcontext(prec=200):
            value = value * factor
    return value


def _ungrouped(body: str, marks: Marks) -> str | None:
    """The digits of a number with a point, without grouping marks; None when they stand in wrong places."""
    decimal = re.escape(marks.decimal)
    for mark in ("", *marks.thousands):
        g = re.escape(mark)
        whole = r"[0-9]+" if not mark else rf"[0-9]{{1,3}}(?:{g}[0-9]{{3}})+"
        m = re.fullmatch(rf"({whole}|)(?:{decimal}([0-9]*))?((?:[eE][+-]?[0-9]{{1,4}})?)", body)
        if m is not None and (m[1] or m[2]):
            digits = m[1].replace(mark, "") if mark else m[1]
            return f"{digits or '0'}.{m[2] or '0'}{m[3]}"
    return None


def fit(value: Decimal, whole: int, scale: int, *, double: bool = False) -> Decimal | str:
    """The value at the scale, or the code of why it does not fit. A double is rounded to 15 digits, then to the scale.

    >>> fit(Decimal("0.005"), 16, 2)
    'precision'
    >>> fit(Decimal("0.30000000000000004"), 12, 6, double=True)
    Decimal('0.300000')
    """
    with localcontext(prec=200):
        step = Decimal(1).scaleb(-scale)
        if double:
            value = value.quantize(Decimal(1).scaleb(value.adjusted() - 14)) if value else value
        if abs(value) >= Decimal(10) ** whole:
            return "out_of_range"
        at_scale = value.quantize(step)
        return at_scale if double or at_scale == value else "precision"
