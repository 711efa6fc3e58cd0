"""How numbers, periods and reasons are written for people: every surface that shows text reads these rules."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from html import escape
from textwrap import wrap

from headwater.model.observation import Observation
from headwater.model.period import Calendar, Grain, Period, label

_NO_DIGITS = (
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
)  # fmt: skip
_THREE_DIGITS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
MINOR_DIGITS = dict.fromkeys(_NO_DIGITS, 0) | dict.fromkeys(_THREE_DIGITS, 3)
"""Decimals of an amount in a currency (ISO 4217), where they are not two."""

PAGE_WIDTH = 100
"""Texts for people are broken into lines of at most so many letters."""

REASONS = {
    "no_data": "no data",
    "zero_denominator": "nothing to divide by",
    "immature": "too early to tell",
    "partial": "partial",
    "small_sample": "small sample",
    "no_rate": "no exchange rate",
    "needs": "not possible yet",
}
"""What each quality is called."""


# --- one value -------------------------------------------------------------------------------------------------------
def number(value: float, show: str, currency: str = "") -> str:
    """A value as its KPI shows it: `percent`, `money`, `days`, `score` or `number`.

    >>> number(0.10525, "percent"), number(1240.5, "money", "EUR"), number(12.25, "days"), number(8000.0, "number")
    ('10.5%', 'EUR 1,240.50', '12.3 days', '8,000')
    """
    match show:
        case "percent":
            return f"{_percent(value)}%"
        case "money":
            amount = _rounded(value, minor_digits(currency))
            return f"{currency} {amount}" if currency else amount
        case "days":
            return f"{_rounded(value, 1)} days"
        case "score":
            return _rounded(value, 1)
        case _:
            return f"{int(value):,}" if value == int(value) else _rounded(value, 2)


def difference(value: float, show: str, currency: str = "") -> str:
    """A change, with its sign; of a percentage in percentage points.

    >>> difference(0.0125, "percent"), difference(-20.0, "money", "EUR")
    ('+1.3 pp', '-EUR 20.00')
    """
    sign = "-" if value < 0 else "+"
    size = abs(value)
    return f"{sign}{_percent(size)} pp" if show == "percent" else f"{sign}{number(size, show, currency)}"


def minor_digits(currency: str) -> int:
    """How many decimals an amount of a currency has."""
    return MINOR_DIGITS.get(currency, 2)


def _percent(share: float) -> str:
    return _rounded(float(Decimal(repr(share)).scaleb(2)), 1)


def _rounded(value: float, digits: int) -> str:
    """Rounded half up, with grouped thousands; a small value is given more digits rather than shown as zero."""
    exact = Decimal(repr(value))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) if abs(exact) < 10**20 else exact
    if rounded == 0 and exact != 0:
        return f"{Decimal(f'{value:.1e}'):f}".rstrip("0") if exact.adjusted() >= -6 else f"{value:.1e}"
    return f"{abs(rounded) if rounded == 0 else rounded:,f}"


def value_text(observation: Observation, show: str) -> str:
    """The value of an Observation, or in few words why there is none."""
    if observation.value is None:
        why = [q for q in observation.quality if q not in ("partial", "small_sample")]
        return ", ".join(REASONS[q] for q in why or observation.quality)
    return number(observation.value, show, observation.currency)


def interval_text(observation: Observation, show: str) -> str:
    """The 95 % interval of an Observation, or nothing; of a time whose upper end is not known, the lower."""
    if observation.low is None:
        return ""
    low = number(observation.low, show, observation.currency)
    if observation.high is None:
        return f"{low} or more"
    return f"{low} to {number(observation.high, show, observation.currency)}"


def notes(observations: Sequence[Observation]) -> tuple[list[str], list[str]]:
    """What a reader should know of each Observation: its qualities (a missing value says them already) and its details.
    A detail that several share stands once, with a number, among the second: lines for the foot of the table."""
    told = [_details(o) for o in observations]
    seen: dict[str, int] = {}
    for sentence in (s for sentences in told for s in sentences):
        seen[sentence] = seen.get(sentence, 0) + 1
    shared = {s: i for i, s in enumerate((s for s, times in seen.items() if times > 1), start=1)}
    found = []
    for o, sentences in zip(observations, told, strict=True):
        words = "" if o.value is None else ", ".join(REASONS[q] for q in o.quality)
        marks = "".join(f"[{shared[s]}]" for s in sentences if s in shared)
        own = "; ".join(s for s in sentences if s not in shared)
        found.append(": ".join(part for part in (" ".join(p for p in (words, marks) if p), own) if part))
    return found, [harmless(f"[{i}] {s}") for s, i in shared.items()]


def _details(observation: Observation) -> list[str]:
    """The sentences of its detail, but for the one that says the n that stands beside it."""
    own = f"rests on {observation.subjects} only"
    return [s for s in observation.detail.split("; ") if s and s != own]


def period_text(start: date | None, end: date | None, grain: str) -> str:
    """How a period is called; `all data` where there is none.

    >>> period_text(date(2025, 1, 1), date(2026, 1, 1), "all")
    '2025'
    >>> period_text(date(2025, 4, 1), date(2025, 7, 1), "quarter")
    '2025-Q2'
    """
    if start is None or end is None:
        return "all data"
    period = Period(start, end)
    if grain == Grain.ALL.value:
        return whole_period_text(period)
    if grain in _CALENDAR_STEPS and _is_whole(period, Grain(grain)):
        return label(period, Grain(grain))
    return label(period, Grain.ALL)


_CALENDAR_STEPS = {g.value for g in (Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.YEAR)}


def whole_period_text(period: Period) -> str:
    """A period by its shortest name: a year, a quarter, a month, a day, or its first and last day."""
    for grain in (Grain.YEAR, Grain.QUARTER, Grain.MONTH, Grain.DAY):
        if _is_whole(period, grain):
            return label(period, grain)
    return label(period, Grain.ALL)


def _is_whole(period: Period, grain: Grain) -> bool:
    return Calendar().period(period.start, grain) == period


# --- cells -----------------------------------------------------------------------------------------------------------
def plain(value: object) -> str:
    """Any value of a row as text; nothing for a missing one."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case float():
            return f"{int(value)}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"
        case datetime():
            zone = " UTC" if value.utcoffset() == timedelta(0) else ""
            return value.replace(tzinfo=None if zone else value.tzinfo).isoformat(sep=" ", timespec="seconds") + zone
        case tuple() | list():
            return ", ".join(plain(v) for v in value)
        case _:
            return str(value)


def harmless(text: str) -> str:
    """The text with every character that a terminal would obey, or that reverses what is read, written as its escape.

    >>> harmless("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _is_harmless(c) else c.encode("unicode_escape").decode("ascii") for c in text)


_JOINERS = "\u200c\u200d"


def _is_harmless(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def width(text: str) -> int:
    """How many cells of a terminal a text takes.

    >>> width("abc"), width("東京"), width("e\\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) or c in _JOINERS else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


# --- tables ----------------------------------------------------------------------------------------------------------
def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset(), wrapped: int = 0
) -> str:
    """An aligned text table; the columns numbered in `right` (from 0) are set flush right. With `wrapped`, a cell that
    is wider takes several lines.

    >>> print(table(["channel", "n"], [["email", "9"], ["ads", "12"]], frozenset({1})))
    channel   n
    email     9
    ads      12
    """
    shown = [[harmless(cell) for cell in row] for row in (heads, *rows)]
    if wrapped:
        shown = [line for row in shown for line in _lines_of(row, wrapped)]
    widths = [max(width(row[i]) for row in shown) for i in range(len(heads))]
    return "\n".join(_line(row, widths, right) for row in shown)


def _lines_of(row: Sequence[str], most: int) -> list[list[str]]:
    """A row of cells as one or more rows of cells that are no wider than that."""
    cells = [wrap(cell, most) if width(cell) > most else [cell] for cell in row]
    tall = max(len(lines) for lines in cells)
    return [[lines[i] if i < len(lines) else "" for lines in cells] for i in range(tall)]


def facts(pairs: Iterable[tuple[str, str]], indent: str = "", most: int = PAGE_WIDTH) -> Iterator[str]:
    """Lines of names and texts, the texts under each other; a name without a text is left out.

    >>> print("\\n".join(facts([("unit", "1"), ("better", "higher"), ("pair", "")])))
    unit    1
    better  higher
    """
    told = [(name, harmless(text)) for name, text in pairs if text]
    widest = max((width(name) for name, _ in told), default=0)
    for name, text in told:
        first, *rest = wrap(text, max(20, most - widest - len(indent) - 2)) or [""]
        yield f"{indent}{name}{' ' * (widest - width(name))}  {first}"
        yield from (f"{indent}{' ' * widest}  {line}" for line in rest)


def _line(cells: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    padded = []
    for i, (cell, wanted) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (wanted - width(cell))
        padded.append(space + cell if i in right else cell + space)
    return "  ".join(padded).rstrip()


def html_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset(), caption: str = ""
) -> str:
    """The same table as HTML, every cell escaped."""

    def cell(tag: str, i: int, text: str) -> str:
        side = "right" if i in right else "left"
        return f'<{tag} align="{side}">{escape(harmless(text))}</{tag}>'

    head = "".join(cell("th", i, h) for i, h in enumerate(heads))
    body = "".join(f"<tr>{''.join(cell('td', i, c) for i, c in enumerate(row))}</tr>" for row in rows)
    title = f"<caption>{escape(harmless(caption))}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
