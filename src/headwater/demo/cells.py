"""Columns as texts, as the programs write them that a company exports from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.demo.clock import DAY, NONE, Flags, day_of, local, offsets
from headwater.demo.frame import Array

Texts = Any
"""An Arrow array of texts."""


def coded(codes: Array, labels: Sequence[str]) -> Texts:
    """Texts by place; nothing for -1."""
    table = pa.array(["", *labels])
    return table.take(pa.array(np.asarray(codes, np.int64) + 1))


def ids(prefix: str, numbers: Array, width: int = 6) -> Texts:
    """Numbers as ids of one length; nothing for -1."""
    text = pc.binary_join_element_wise(pa.scalar(prefix), pc.utf8_lpad(whole(numbers), width, "0"), "")
    return pc.if_else(pa.array(np.asarray(numbers) >= 0), text, pa.scalar(""))


def whole(numbers: Array) -> Texts:
    """Whole numbers; nothing for `NONE`."""
    values = np.asarray(numbers, np.int64)
    return pa.array(values, mask=values == NONE).cast(pa.string()).fill_null("")


def yes(flags: Flags, true: str = "true", false: str = "false") -> Texts:
    """Truth values in a program's own words."""
    return pc.if_else(pa.array(flags), pa.scalar(true), pa.scalar(false))


def same(text: str, size: int) -> Texts:
    """One text in every row."""
    return pa.repeat(pa.scalar(text, pa.string()), size)


def parts(numbers: Array, digits: int, mark: str = ".") -> Texts:
    """Numbers given in their smallest parts (cents: two digits), with a decimal mark; nothing for `NONE`."""
    values = np.asarray(numbers, np.int64)
    size = np.abs(np.where(values == NONE, 0, values))
    unit = 10**digits
    text = pc.binary_join_element_wise(
        pa.array(size // unit).cast(pa.string()),
        pc.utf8_lpad(pa.array(size % unit).cast(pa.string()), digits, "0"),
        mark,
    )
    signed = np.flatnonzero((values < 0) & (values != NONE))
    if len(signed):
        text = pc.if_else(pa.array(values < 0), pc.binary_join_element_wise(pa.scalar("-"), text, ""), text)
    return pc.if_else(pa.array(values != NONE), text, pa.scalar(""))


def grouped(numbers: Array, digits: int, mark: str, group: str, *, behind: bool = False) -> Texts:
    """The same with groups of three, and with the minus behind the number where a program writes it so."""
    unit = 10**digits
    found = []
    for value in np.asarray(numbers, np.int64).tolist():
        number, rest = divmod(abs(value), unit)
        text = f"{number:,}".replace(",", group) + (f"{mark}{rest:0{digits}d}" if digits else "")
        found.append(text if value >= 0 else f"{text}-" if behind else f"-{text}")
    return pa.array(found, pa.string())


def day(numbers: Array, form: str = "%Y-%m-%d") -> Texts:
    """Days; nothing for `NONE`."""
    values = np.asarray(numbers, np.int64)
    there = values != NONE
    if not there.any():
        return same("", len(values))
    first, last = int(values[there].min()), int(values[there].max())
    table = pa.array(["", *(day_of(n).strftime(form) for n in range(first, last + 1))])
    return table.take(pa.array(np.where(there, values - first + 1, 0)))


@cache
def _times(form: str) -> Texts:
    clock = [(s // 3600, s // 60 % 60, s % 60) for s in range(DAY)]
    return pa.array([form % {"h": h, "m": m, "s": s} for h, m, s in clock])


SECONDS, MINUTES = "%(h)02d:%(m)02d:%(s)02d", "%(h)02d:%(m)02d"


def moment(
    seconds: Array, form: str = "%Y-%m-%d", zone: str = "UTC", between: str = " ", time: str = SECONDS, end: str = ""
) -> Texts:
    """Instants as a clock of a zone shows them; nothing for `NONE`. `end` is written behind; `offset` stands for the
    distance from UTC."""
    values = np.asarray(seconds, np.int64)
    there = values != NONE
    known = np.where(there, values, 0)
    shown = local(known, zone) if zone != "UTC" else known
    times = _times(time).take(pa.array(shown % DAY))
    behind: Any = pa.scalar(end)
    if end == "offset":
        ahead = offsets(known, zone) // 60
        behind = pa.array([f"{'+' if n >= 0 else '-'}{abs(n) // 60:02d}:{abs(n) % 60:02d}" for n in range(-720, 841)])
        behind = behind.take(pa.array(ahead + 720))
    text = pc.binary_join_element_wise(day(shown // DAY, form), pa.scalar(between), times, behind, "")
    return pc.if_else(pa.array(there), text, pa.scalar(""))


def iso(seconds: Array) -> Texts:
    """Instants as 2026-01-31T09:30:00Z."""
    return moment(seconds, between="T", end="Z")


def german(seconds: Array) -> Texts:
    """Instants on the company's clocks as 31.01.2026 10:30:00."""
    from headwater.demo.clock import HOME

    return moment(seconds, "%d.%m.%Y", HOME)


def american(seconds: Array) -> Texts:
    """Instants on clocks of the American east coast as 01/31/2026 04:30:00."""
    return moment(seconds, "%m/%d/%Y", "America/New_York")
