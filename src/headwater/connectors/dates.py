"""Dates and times from texts: one form per column, declared or decided over the whole column, never row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headwater.connectors.cells import Flags, Integers
from headwater.connectors.forms import FORMS, ISO, MONTHS, Form
from headwater.connectors.refusal import Refused

DAY_US = 86_400_000_000
NAIVE = np.int64(1 << 40)
"""Offset of a moment that names none."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Parsed dates: local day (from 1970-01-01), microseconds of that day (-1: the day alone), offset from UTC in
    seconds (NAIVE: none was written), and whether the text was a date at all."""

    days: Integers
    micros: Integers
    offsets: Integers
    valid: Flags


# --- one form, many texts --------------------------------------------------------------------------------------------
def read(texts: Any, form: Form) -> Moments:
    """The moments of the texts (trimmed) under one form."""
    return _iso(texts) if form is ISO else _matched(texts, form)


def _iso(texts: Any) -> Moments:
    """ISO 8601: the three commonest shapes by position, what is left by pattern."""
    size = len(texts)
    found = Moments(np.zeros(size, np.int64), np.full(size, -1, np.int64), np.full(size, NAIVE), np.zeros(size, bool))
    left = _flags(pc.is_valid(texts))
    lengths = pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False)
    for width in (10, 19, 20):
        places = np.flatnonzero(lengths == width)
        if len(places):
            some = texts if len(places) == size else texts.take(pa.array(places))
            shaped, part = _positioned(_bytes(some, width), width)
            _put(found, places[shaped], part, shaped)
            left[places[shaped]] = False
    places = np.flatnonzero(left)
    if len(places):
        _put(found, places, _matched(texts.take(pa.array(places)), ISO), np.ones(len(places), bool))
    return found


def _put(into: Moments, places: Integers, part: Moments, which: Flags) -> None:
    into.days[places], into.micros[places] = part.days[which], part.micros[which]
    into.offsets[places], into.valid[places] = part.offsets[which], part.valid[which]


def _bytes(texts: Any, width: int) -> npt.NDArray[np.uint8]:
    """The bytes of texts that are all of one length, a row each."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    _, offsets, data = texts.buffers()
    first = np.frombuffer(offsets, np.int32)[texts.offset]
    return np.frombuffer(data, np.uint8)[first : first + len(texts) * width].reshape(-1, width)


def _positioned(b: npt.NDArray[np.uint8], width: int) -> tuple[Flags, Moments]:
    """Which rows are YYYY-MM-DD, with HH:MM:SS from width 19 on and a Z at width 20, and their moments."""
    digits = [0, 1, 2, 3, 5, 6, 8, 9] + ([11, 12, 14, 15, 17, 18] if width > 10 else [])
    shaped = ((b[:, digits] >= 48) & (b[:, digits] <= 57)).all(axis=1) & (b[:, 4] == 45) & (b[:, 7] == 45)
    if width > 10:
        shaped &= ((b[:, 10] == 32) | (b[:, 10] | 32 == 116)) & (b[:, 13] == 58) & (b[:, 16] == 58)
    if width > 19:
        shaped &= b[:, 19] | 32 == 122

    def number(*places: int) -> Integers:
        value = np.zeros(len(b), np.int64)
        for place in places:
            value = value * 10 + (b[:, place].astype(np.int64) - 48)
        return value

    year, month, day = number(0, 1, 2, 3), number(5, 6), number(8, 9)
    good = shaped & _exists(year, month, day)
    clock = np.full(len(b), -1, np.int64)
    if width > 10:
        hour, minute, second = number(11, 12), number(14, 15), number(17, 18)
        good &= (hour < 24) & (minute < 60) & (second < 60)
        clock = ((hour * 60 + minute) * 60 + second) * 1_000_000
    days = days_of(np.where(good, year, 1970), np.where(good, month, 1), np.where(good, day, 1))
    return shaped, Moments(days, clock, np.full(len(b), 0 if width > 19 else NAIVE), good)


def _matched(texts: Any, form: Form) -> Moments:
    """The moments of texts by the pattern of a form."""
    size = len(texts)
    groups = pc.extract_regex(texts, form.pattern)
    matched = groups.is_valid().to_numpy(zero_copy_only=False)
    parts = {name: groups.field(name) for name in form.parts}

    def whole(name: str, absent: int) -> Integers:
        if name not in parts:
            return np.full(size, absent, np.int64)
        part = pc.fill_null(parts[name], "")
        part = pc.if_else(pc.equal(part, ""), str(absent), part)
        return np.asarray(pc.cast(part, pa.int64()).to_numpy(zero_copy_only=False), np.int64)

    year = whole("Y", 0) if "Y" in parts else _century(whole("y", 0))
    month = _named(parts["b"], size) if "b" in parts else whole("m", 0)
    day, hour, minute, second = whole("d", 0), whole("H", -1), whole("M", 0), whole("S", 0)
    timed = hour >= 0
    micros = np.zeros(size, np.int64)
    if "f" in parts:
        padded = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.fill_null(parts["f"], ""), 6, "0"), 0, 6)
        micros = np.asarray(pc.cast(padded, pa.int64()).to_numpy(zero_copy_only=False), np.int64)
    good = matched & _exists(year, month, day)
    if "p" in parts:
        half = pc.utf8_lower(pc.fill_null(parts["p"], ""))
        afternoon, named = _flags(pc.equal(half, "p")), _flags(pc.not_equal(half, ""))
        good &= ~named | ((hour >= 1) & (hour <= 12))
        hour = np.where(named, hour % 12 + 12 * afternoon, hour)
    good &= ~timed | ((hour < 24) & (minute < 60) & (second < 60))
    offsets = np.full(size, NAIVE)
    if "z" in parts:
        offsets, sound = _offsets(parts["z"], size)
        good &= sound
    clock = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros
    days = days_of(np.where(good, year, 1970), np.where(good, month, 1), np.where(good, day, 1))
    return Moments(days, np.where(timed, clock, -1), np.where(timed, offsets, NAIVE), good)


def counted(texts: Any, form: str) -> Moments:
    """The moments of numbers: days since 1899-12-30 (`excel`), seconds or milliseconds since 1970 in UTC."""
    size = len(texts)
    groups = pc.extract_regex(texts, r"^(?P<s>-?)(?P<w>\d{1,15})(?:\.(?P<f>\d{1,17}))?$")
    valid = _flags(groups.is_valid())

    def whole(part: Any) -> Integers:
        digits = pc.fill_null(part, "")
        digits = pc.if_else(pc.equal(digits, ""), "0", digits)
        return np.asarray(pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False), np.int64)

    digits = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.fill_null(groups.field("f"), ""), 12, "0"), 0, 12)
    number, part = whole(groups.field("w")), whole(digits)
    negative = _flags(pc.equal(groups.field("s"), "-"))
    none = np.full(size, NAIVE)
    if form == "excel":
        millis = (part * 86_400 + 500_000_000) // 1_000_000_000  # a serial is good to the millisecond
        days = number - 25_569 + (number < 61) + millis // 86_400_000
        clock = np.where(part > 0, millis % 86_400_000 * 1_000, -1)
        return Moments(days, clock, none, valid & ~negative & (number >= 1) & (number < 200_000))
    places = 1_000_000 if form == "epoch_s" else 1_000
    sound = valid & (number < (1 << 62) // places)
    micros = np.where(sound, number, 0) * places + part // (1_000_000_000_000 // places)
    micros = np.where(negative, -micros, micros)
    return Moments(micros // DAY_US, micros % DAY_US, np.zeros(size, np.int64), sound)


def _flags(array: Any) -> Flags:
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), bool)


def _century(year: Integers) -> Integers:
    return np.where(year < 69, year + 2000, year + 1900)


def _named(names: Any, size: int) -> Integers:
    short = pc.utf8_slice_codeunits(pc.utf8_lower(pc.fill_null(names, "")), 0, 3)
    found = pc.index_in(short, value_set=pa.array(MONTHS))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int64) + 1


def _offsets(zones: Any, size: int) -> tuple[Integers, Flags]:
    encoded = pc.fill_null(zones, "").dictionary_encode()
    values, sound = [], []
    for text in encoded.dictionary.to_pylist():
        if text == "":
            values.append(int(NAIVE))
            sound.append(True)
        elif text[0] not in "+-":
            values.append(0)
            sound.append(True)
        else:
            digits = text[1:].replace(":", "").ljust(6, "0")
            hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:6])
            values.append((hours * 3600 + minutes * 60 + seconds) * (-1 if text[0] == "-" else 1))
            sound.append(hours < 24 and minutes < 60 and seconds < 60)
    places = encoded.indices.to_numpy(zero_copy_only=False)
    return np.array(values or [0], np.int64)[places], np.array(sound or [True], bool)[places]


def _exists(year: Integers, month: Integers, day: Integers) -> Flags:
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    in_year = (month >= 1) & (month <= 12) & (year >= 1)
    last = lengths[np.where(in_year, month, 0)]
    leap = (month == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return np.asarray(in_year & (day >= 1) & (day <= last + leap), bool)


def days_of(year: Integers, month: Integers, day: Integers) -> Integers:
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    y = year - (month <= 2)
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return np.asarray(era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468, np.int64)


# --- one column, which form ------------------------------------------------------------------------------------------
@dataclass(slots=True)
class Evidence:
    """Which forms a column's texts fit, gathered chunk by chunk; a text that fits no form says nothing."""

    fitting: tuple[Form, ...] = FORMS
    differ: set[tuple[str, str]] = field(default_factory=set)
    first: tuple[int, str] | None = None
    clash: tuple[int, str] | None = None

    def see(self, texts: Any, rows: Any) -> None:
        """Takes in the texts of a chunk (trimmed; null = no value)."""
        if self.clash is not None or texts.null_count == len(texts):
            return
        given = _flags(pc.is_valid(texts))
        days: dict[str, Moments] = {}
        any_fits = np.zeros(len(texts), bool)
        for form in self.fitting:
            moments = read(texts, form)
            if moments.valid.any():
                days[form.name] = moments
                any_fits |= moments.valid
            if form is ISO and bool((any_fits == given).all()):
                break  # no other form has a text in common with this one
        unread = np.flatnonzero(given & ~any_fits)
        if len(unread):
            rest = texts.take(pa.array(unread))
            for form in FORMS:
                if form not in self.fitting and pc.any(pc.match_substring_regex(rest, form.pattern)).as_py():
                    any_fits[unread] |= read(rest, form).valid
        if not any_fits.any():
            return
        at = int(np.flatnonzero(any_fits)[0])
        self.first = self.first or (int(rows[at]), texts[at].as_py())
        fits_all = tuple(f for f in self.fitting if f.name in days and bool((days[f.name].valid == any_fits).all()))
        if not fits_all:
            odd = next((f for f in self.fitting if f.name in days), None)
            missed = any_fits & ~days[odd.name].valid if odd is not None else any_fits
            at = int(np.flatnonzero(missed)[0])
            self.clash = (int(rows[at]), texts[at].as_py())
            return
        self.fitting = fits_all
        for i, a in enumerate(fits_all):
            for b in fits_all[i + 1 :]:
                if bool((days[a.name].days[any_fits] != days[b.name].days[any_fits]).any()):
                    self.differ.add((a.name, b.name))

    def decide(self, column: str, personal: bool) -> Form:
        """The form of the column; refuses when two readings fit, or when it is written in two ways."""
        do = "Say 'date_format: \"%d/%m/%Y\"' (or what it is) for the column or the source."

        def shown(example: tuple[int, str]) -> str:
            return f"row {example[0]}" if personal else f"{example[1]!r} (row {example[0]})"

        if self.first is None:
            return ISO
        if self.clash is not None:
            what = f"the dates are written in two ways: {shown(self.first)} and {shown(self.clash)}"
            raise Refused("ambiguous_date", what, row=self.clash[0], column=column, do=do)
        names = {f.name for f in self.fitting}
        if any(a in names and b in names for a, b in self.differ):
            what = f"{shown(self.first)} and every other date can be read as {' or '.join(sorted(names))}"
            raise Refused("ambiguous_date", what, row=self.first[0], column=column, do=do)
        return self.fitting[0]


@dataclass(slots=True)
class Promise:
    """Whether a declared form holds. A column whose every date reads with day and month the other way round, and not
    all of them as declared, is written the other way round: no date of it can be trusted."""

    form: Form
    other: Form
    kept: int = 0
    broken: int = 0
    first: tuple[int, str] | None = None

    def see(self, texts: Any, rows: Any) -> None:
        """Takes in the texts of a chunk (trimmed; null = no value)."""
        as_declared, turned = read(texts, self.form).valid, read(texts, self.other).valid
        self.kept += int((as_declared & ~turned).sum())
        broken = np.flatnonzero(turned & ~as_declared)
        self.broken += len(broken)
        if self.first is None and len(broken):
            self.first = (int(rows[broken[0]]), texts[int(broken[0])].as_py())

    def decide(self, column: str, personal: bool) -> Form:
        """The declared form; refuses when the column is written the other way round."""
        if self.first is None or self.kept:
            return self.form
        example = "the first" if personal else f"such as {self.first[1]!r}"
        what = (
            f"{self.broken} dates, {example} in row {self.first[0]}, do not fit the declared {self.form.name!r},"
            f" and {self.other.name!r} reads every date"
        )
        do = f"Say 'date_format: \"{self.other.name}\"' for the column or the source."
        raise Refused("wrong_date_format", what, row=self.first[0], column=column, do=do)
