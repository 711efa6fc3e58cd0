"""What the values of columns show: which kinds fit, in which forms, which values there are, what makes rows unique."""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.connectors import dates, numbers
from headwater.connectors.cells import BOOLEAN, DATE, DOUBLE, ERROR, NO_RESULT, NUMBER, PADDED
from headwater.connectors.convert import FALSE, TRUE
from headwater.connectors.currencies import CODES
from headwater.connectors.forms import FORMS, ISO, declared
from headwater.connectors.refusal import Refused
from headwater.model.look import LookedColumn
from headwater.model.types import Kind

MOST_VALUES = 50
SAMPLES = 5
_NUMBERS = (Kind.INTEGER, Kind.NUMBER, Kind.MONEY)

ENOUGH = 0.9
"""A kind fits a column when this share of its values does; the rest will be set aside."""

MOST = 0.5
"""From this share on a column holds mostly numbers or dates: what the others are has to be asked."""

SKETCH = 256
MOST_PAIRED = 12
LONGEST_SHOWN = 80

_CLOCKS = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M", " %I:%M:%S %p", " %I:%M %p", ", %H:%M:%S", ", %H:%M",
           " %H:%M:%S.%f", "T%H:%M:%S%z", " %H:%M:%S %z", " %H:%M:%S%z")  # fmt: skip
_WHOLE = r"^[+-]?[0-9]{1,18}$"
_AMOUNT = (
    r"^[(+-]?\s*(?:[A-Z]{3}\s?|R?[^\w.,()+-]\s?[+-]?)?[0-9][0-9.,' \x{00a0}\x{202f}]*\)?-?\s*(?:[A-Z]{3}|[^\w.,])?$"
)
_NEGATIVE = r"^\(.*\)$|[0-9]-$"
_CLOCKED = r"\d{1,2}:\d{2}"
_ZONED = r"(?:[Zz]|UTC|GMT|[0-9][+-]\d{2}(?::?\d{2})?| [+-]\d{2}:?\d{2})$"


class Gathered:
    """The cells of one column, chunk by chunk."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._texts: list[Any] = []
        self._kinds: list[Any] = []

    def take(self, texts: Any, kinds: Any) -> None:
        """Takes in the cells of a chunk."""
        self._texts.append(pc.utf8_trim_whitespace(texts))
        self._kinds.append(kinds)

    def texts(self) -> Any:
        """All of them, trimmed; null where there is none."""
        whole = (
            pa.chunked_array(self._texts, pa.string()).combine_chunks() if self._texts else pa.array([], pa.string())
        )
        whole = whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
        return pc.if_else(pc.equal(pc.binary_length(whole), 0), pa.scalar(None, pa.string()), whole)

    def kinds(self) -> Any:
        """The kind of each cell, or None where all are texts."""
        known = [k for k in self._kinds if k is not None]
        return np.concatenate(known) if known and len(known) == len(self._kinds) else None


def _one(texts: Any) -> Any:
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def looked(gathered: Gathered, texts: Any) -> LookedColumn:
    """What a column shows; `texts` are its cells."""
    kinds = gathered.kinds()
    given = np.asarray(pc.is_valid(texts).to_numpy(zero_copy_only=False), bool)
    filled = int(given.sum())
    if not filled:
        return LookedColumn(gathered.name, kinds=())
    counted = pc.value_counts(texts.filter(pa.array(given)))
    distinct, counts = counted.field("values"), counted.field("counts").to_numpy(zero_copy_only=False)
    typed = _typed(kinds, given)
    found = _kinds(distinct, counts, typed)
    decimals: tuple[str, ...] = ()
    if set(_NUMBERS) & set(found) and typed != "number":
        decimals = _decimals(distinct)
    formats = _formats(distinct, counts) if typed == "" else ()
    if typed == "date":
        found, formats = (Kind.TIME, Kind.DAY), ("iso",)
    elif formats:
        found = (*((Kind.TIME, Kind.DAY) if _has_clock(distinct) else (Kind.DAY, Kind.TIME)), *found)
    elif epoch := _epoch(distinct, counts):
        formats = (epoch,)
        found = (*found, Kind.TIME, Kind.DAY)
    zeros = bool(pc.any(pc.match_substring_regex(distinct, r"^0[0-9]+$")).as_py())
    if zeros:
        found = tuple(k for k in found if k not in _NUMBERS)
    fitting = None if typed or zeros or {*_NUMBERS, Kind.DAY} & set(found) else _mostly(distinct, counts)
    order = np.argsort(-counts, kind="stable")
    few = len(distinct) <= MOST_VALUES
    return LookedColumn(
        gathered.name,
        samples=tuple(_short(t) for t in distinct.slice(0, SAMPLES).to_pylist()),
        filled=filled,
        kinds=tuple(k.value for k in dict.fromkeys((*found, *_names(distinct)))),
        date_formats=formats,
        decimals=decimals,
        values=tuple((distinct[int(i)].as_py(), int(counts[i])) for i in order) if few else (),
        unique=len(distinct) == filled and filled == len(texts),
        leading_zeros=zeros,
        currencies=tuple(sorted(v for v in distinct.to_pylist() if v in CODES)) if few and _all_codes(distinct) else (),
        clock=_clock(distinct) if formats else "no",
        accounting=Kind.NUMBER in found and bool(pc.any(pc.match_substring_regex(distinct, _NEGATIVE)).as_py()),
        padded=kinds is not None and bool((kinds[: len(given)][given] == PADDED).any()),
        **({} if fitting is None else _apart(gathered.name, texts, distinct, counts, fitting)),
    )


def _mostly(distinct: Any, counts: Any) -> Any:
    """Which values are numbers or dates, where most of a column are and not enough; None where that is not so."""
    amounts = np.asarray(pc.fill_null(pc.match_substring_regex(distinct, _AMOUNT), False), bool)
    if _formats(distinct, counts, MOST):
        valid = [np.asarray(dates.read(distinct, f).valid, bool) for f in FORMS]
        amounts = max(valid, key=lambda v: int(counts[v].sum()))
    share = counts[amounts].sum() / counts.sum()
    return amounts if MOST <= share < ENOUGH else None


def _apart(name: str, texts: Any, distinct: Any, counts: Any, fitting: Any) -> dict[str, Any]:
    """What the values that fit show, and the others."""
    those = texts.filter(pc.fill_null(pc.is_in(texts, value_set=distinct.filter(pa.array(fitting))), False))
    others = sorted(np.flatnonzero(~fitting).tolist(), key=lambda i: (-counts[i], i))
    return {
        "mostly": looked(Gathered(name), _one(those)),
        "misfits": tuple((distinct[i].as_py(), int(counts[i])) for i in others[:MOST_VALUES]),
        "misfitting": int(counts[~fitting].sum()),
    }


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def _typed(kinds: Any, given: Any) -> str:
    """What most cells of a typed file are: `number`, `date`, `boolean`, or nothing for texts."""
    if kinds is None:
        return ""
    own = kinds[: len(given)][given]
    own = own[(own != NO_RESULT) & (own != ERROR)]
    for name, some in (("date", (DATE,)), ("number", (NUMBER, DOUBLE, PADDED)), ("boolean", (BOOLEAN,))):
        if len(own) and np.isin(own, some).mean() >= ENOUGH:
            return name
    return ""


def _share(matches: Any, counts: Any) -> float:
    flags = np.asarray(pc.fill_null(matches, False).to_numpy(zero_copy_only=False), bool)
    return float(counts[flags].sum() / counts.sum())


def _kinds(distinct: Any, counts: Any, typed: str) -> tuple[Kind, ...]:
    """The kinds other than dates and texts that fit, the narrowest first."""
    found: list[Kind] = []
    lower = pc.utf8_lower(distinct)
    if len(distinct) <= 2 and (
        typed == "boolean" or pc.all(pc.is_in(lower, value_set=pa.array([*TRUE, *FALSE]))).as_py()
    ):
        found.append(Kind.BOOLEAN)
    if typed == "date":
        return tuple(found)
    if _share(pc.match_substring_regex(distinct, _WHOLE), counts) >= ENOUGH:
        found.append(Kind.INTEGER)
    if _share(pc.match_substring_regex(distinct, _AMOUNT), counts) >= ENOUGH and not _dated(distinct):
        found += [Kind.NUMBER, Kind.MONEY]
    if Kind.BOOLEAN not in found and len(distinct) == 2 and max(pc.utf8_length(distinct).to_pylist()) <= 12:
        found.append(Kind.BOOLEAN)
    return tuple(found)


def _names(distinct: Any) -> Iterable[Kind]:
    """Texts fit always; ids where hardly a value has a space in it and none is long."""
    some = distinct.slice(0, 2_000)
    spaced = pc.mean(pc.cast(pc.match_substring(some, " "), pa.int8())).as_py()
    if spaced <= 0.1 and pc.max(pc.utf8_length(some)).as_py() <= 200:
        yield Kind.ID
        yield Kind.TEXT
    else:
        yield Kind.TEXT
        yield Kind.ID


def _all_codes(distinct: Any) -> bool:
    return bool(pc.all(pc.is_in(distinct, value_set=pa.array(sorted(CODES)))).as_py())


# --- numbers ---------------------------------------------------------------------------------------------------------
def _decimals(distinct: Any) -> tuple[str, ...]:
    """The marks that may stand before decimals; none where no value has a mark."""
    evidence = numbers.Evidence()
    evidence.see(distinct, np.arange(1, len(distinct) + 1))
    if not (evidence.proofs or evidence.open):
        return ()
    try:
        return (evidence.decide("", personal=False).decimal,)
    except Refused:
        return (".", ",")


def _dated(distinct: Any) -> bool:
    """Whether texts of digits and points are dates rather than numbers: `31.12.2025`."""
    pattern = r"^\d{1,4}[.]\d{1,2}[.]\d{1,4}$"
    return bool(pc.all(pc.match_substring_regex(distinct.slice(0, 200), pattern)).as_py())


# --- dates -----------------------------------------------------------------------------------------------------------
def _formats(distinct: Any, counts: Any, enough: float = ENOUGH) -> tuple[str, ...]:
    """The ways to write dates that fit enough of the column, as a source declares them; none where it holds none."""
    some = distinct.slice(0, 400)
    if not pc.any(pc.match_substring_regex(some, r"\d")).as_py():
        return ()
    like = [f for f in FORMS if _share(pc.match_substring_regex(some, f.pattern), counts[: len(some)]) >= 0.5]
    if not like or (like == [FORMS[1]] and not _plausible_days(some)):
        return ()
    evidence = dates.Evidence()
    evidence.see(distinct, np.arange(1, len(distinct) + 1))
    if evidence.first is None or evidence.clash is not None:
        return ()
    fitting = [f for f in evidence.fitting if _share(pa.array(dates.read(distinct, f).valid), counts) >= enough]
    kept: list[str] = []
    for form in fitting:
        alike = any(
            (a, b) not in evidence.differ and (b, a) not in evidence.differ
            for a, b in ((form.name, other) for other in [f.name for f in fitting[: fitting.index(form)]])
        )
        if not alike:
            kept.append(_spelled(form, distinct))
    return tuple(kept)


def _plausible_days(some: Any) -> bool:
    years = pc.cast(pc.utf8_slice_codeunits(some, 0, 4), pa.int64())
    return bool(pc.all(pc.and_(pc.greater(years, 1990), pc.less(years, 2100))).as_py())


def _spelled(form: Any, distinct: Any) -> str:
    """The form as a source declares it: with its time of day, where one spelling reads all that the form reads."""
    if form is ISO:
        return "iso"
    valid = dates.read(distinct, form).valid
    for clock in _CLOCKS:
        full = declared(form.name + clock)
        if bool((dates.read(distinct, full).valid == valid).all()):
            return full.name
    return str(form.name)


def _has_clock(distinct: Any) -> bool:
    return bool(pc.any(pc.match_substring_regex(distinct, _CLOCKED)).as_py())


def _clock(distinct: Any) -> str:
    if not _has_clock(distinct):
        return "zoned" if pc.all(pc.match_substring_regex(distinct, r"^\d{10,13}$")).as_py() else "no"
    return "zoned" if pc.all(pc.match_substring_regex(distinct, _ZONED)).as_py() else "local"


def _epoch(distinct: Any, counts: Any) -> str:
    """`epoch_s` or `epoch_ms` for whole numbers that are instants from 2000 to 2040, else nothing."""
    for name, pattern in (("epoch_s", r"^(?:9[4-9]|1\d|2[01])\d{8}$"), ("epoch_ms", r"^(?:9[4-9]|1\d|2[01])\d{11}$")):
        if _share(pc.match_substring_regex(distinct, pattern), counts) >= ENOUGH:
            return name
    return ""


# --- rows ------------------------------------------------------------------------------------------------------------
def codes_of(texts: Sequence[Any]) -> list[tuple[Any, int]]:
    """Each column as numbers that stand for its values, and how many there are."""
    found = []
    for column in texts:
        encoded = pc.fill_null(column, "").dictionary_encode()
        found.append((encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), len(encoded.dictionary)))
    return found


def combined(codes: Sequence[tuple[Any, int]]) -> Any:
    """Numbers that stand for the rows' values in several columns together."""
    whole = codes[0][0]
    for more, n in codes[1:]:
        _, whole = np.unique(whole * n + more, return_inverse=True)
    return whole


def smallest_keys(texts: Sequence[Any], columns: Sequence[LookedColumn]) -> tuple[tuple[str, ...], ...]:
    """The columns whose values are all there and all different; where there are none, the pairs, then the triples."""
    single = tuple((c.name,) for c in columns if c.unique and c.name)
    if single:
        return single
    can = [
        i
        for i, c in enumerate(columns)
        if c.name
        and c.filled == len(texts[i])
        and (c.kinds[:1] != (Kind.NUMBER.value,))
        and Kind.MONEY.value not in c.kinds[:1]
    ][:MOST_PAIRED]
    codes = dict(zip(can, codes_of([texts[i] for i in can]), strict=True))
    rows = len(texts[0]) if texts else 0
    first = min(rows, 20_000)
    for size in (2, 3):
        found = []
        for some in combinations(can, size):
            head = combined([(codes[i][0][:first], codes[i][1]) for i in some])
            if len(np.unique(head)) == first and len(np.unique(combined([codes[i] for i in some]))) == rows:
                found.append(tuple(columns[i].name for i in some))
        if found:
            return tuple(found[:6])
    return ()


def repeated(header: Sequence[str], texts: Sequence[Any], key: Sequence[str]) -> int:
    """How many different rows share the values of these columns with another one; rows that are alike count once."""
    places = [header.index(name) for name in key if name in header]
    if len(places) < len(key) or not places or not len(texts[0]):
        return 0
    rows = combined(codes_of(texts))
    _, first = np.unique(rows, return_index=True)
    keys = combined(codes_of([texts[i] for i in places]))[first]
    _, counts = np.unique(keys, return_counts=True)
    return int(counts[counts > 1].sum())


def sketch(texts: Sequence[Any], most_rows: int = 100_000) -> tuple[int, ...]:
    """The smallest hashes of the rows, whatever their order and the case of their letters."""
    columns = [t.slice(0, most_rows).to_pylist() for t in texts]
    hashes = {
        int.from_bytes(hashlib.blake2b(_line(row).encode("utf-8", "replace"), digest_size=6).digest(), "big")
        for row in zip(*columns, strict=True)
    }
    return tuple(heapq.nsmallest(SKETCH, hashes))


def _line(row: Iterable[str | None]) -> str:
    return "\x1f".join("" if c is None else re.sub(r"\.0+$", "", c.casefold()) for c in row)
