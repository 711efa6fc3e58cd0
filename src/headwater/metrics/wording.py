"""Definitions in words: formulas with the titles of what they name, and what a measure counts."""

from __future__ import annotations

from headwater.metrics.formula import find
from headwater.metrics.language import format_predicate, format_row_value
from headwater.metrics.waiting import knows_waiting
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Call, Formula, Name, Negate, Number
from headwater.model.measure import EVER, Alive, At, Latest, Limit, Measure, Reached, Span
from headwater.model.measure import Clock as AnyClock

_OPERATORS = {"+": "plus", "-": "less", "*": "times", "/": "divided by"}
_ONE_WAY = ("++", "+-", "-+", "--", "**", "*/")
"""Pairs of operators that are read from left to right without a parenthesis."""
_CALLS = {
    "growth": "the growth of {} against the period before",
    "prior": "{} in the period before",
    "share": "the share of {} in the whole",
    "opening": "{} at the start",
    "lost": "what was lost of {}",
    "entered": "the entries seen long enough for {}",
}


def formula_text(formula: Formula, catalogue: Catalogue) -> str:
    """A formula in words, every measure and KPI by its title.

    >>> from headwater.model.catalogue import Catalogue
    >>> formula_text(Call("prior", Number(2), ""), Catalogue({}, {}, {}, ""))
    '2 in the period before'
    """
    match formula:
        case Number(value):
            return f"{value:f}" if value != value.to_integral_value() else f"{int(value)}"
        case Name(name):
            return f"\u201c{_title(name, catalogue)}\u201d"
        case Negate(of):
            return f"minus {_inside(of, catalogue)}"
        case Call("trailing", argument, window):
            last = "" if Span.parse(window) == EVER else f" the last {window}"
            if isinstance(argument, Call) and argument.function == "opening" and last:
                return f"{_inside(argument.argument, catalogue)} at the start of{last}"
            return f"{_inside(argument, catalogue)}{' over' + last if last else ' from the beginning on'}"
        case Call(function, argument):
            return _CALLS[function].format(_inside(argument, catalogue))
        case Binary(operator, left, right):
            plain = isinstance(left, Binary) and f"{left.operator}{operator}" in _ONE_WAY
            first = formula_text(left, catalogue) if plain else _inside(left, catalogue)
            return f"{first} {_OPERATORS[operator]} {_inside(right, catalogue)}"


def _inside(formula: Formula, catalogue: Catalogue) -> str:
    text = formula_text(formula, catalogue)
    return f"({text})" if isinstance(formula, Binary) else text


def _title(name: str, catalogue: Catalogue) -> str:
    measure = catalogue.measures.get(name)
    if measure is not None:
        return measure.title
    kpi, variant = find(catalogue, name)
    return kpi.title if variant.id == kpi.default else f"{kpi.title}, {variant.id}"


def measure_text(measure: Measure) -> str:
    """A measure in words: what is aggregated, of which table, on which clock, under which condition."""
    where = f", where {format_predicate(measure.where)}" if measure.where is not None else ""
    return f"{aggregate_text(measure)} in {measure.table}, {clock_text(measure.clock)}{where}"


def _limit_text(limit: Limit) -> str:
    """Which rows a limit lets count, in words."""
    which = "that stand for longer than" if limit.counts == "beyond" else "that can be held against"
    return f" {which} {limit.of} of the same {' and '.join(limit.by)}"


def aggregate_text(measure: Measure) -> str:
    """What a measure aggregates, in words."""
    if measure.aggregate == "share":
        return "share of all that entered, the others counted for as long as they were seen,"
    if measure.aggregate == "average":
        return "mean number of rows, over the days of the period,"
    column = "rows" if measure.column is None else format_row_value(measure.column)
    quantile = f" {measure.quantile}" if measure.quantile is not None else ""
    later = ""
    if measure.lag is not None:
        how = "each part as much later as one of" if measure.lag.spread else "as many months later as the median of"
        later = f", counted {how} {measure.lag.of} over {measure.lag.over}"
    per = f", first per {measure.per}" if measure.per else ""
    waiting = ", the others counted for as long as they were seen" if knows_waiting(measure) else ""
    limit = _limit_text(measure.limit) if measure.limit is not None else ""
    return f"{measure.aggregate.replace('_', ' ')}{quantile} of {column}{limit}{waiting}{per}{later}"


def clock_text(clock: AnyClock) -> str:
    """How a clock places rows in time, in words.

    >>> clock_text(At("created_at"))
    'by created_at'
    """
    match clock:
        case At(at):
            return f"by {at}"
        case Alive(start, until):
            return f"alive at the period's end, from {start}" + (f" until {until}" if until else " on")
        case Latest(at, per, within):
            old = "" if within == EVER else f", at most {within} old"
            return f"last row per {', '.join(per)} by {at}{old}"
        case Reached(start, to, within, mature, outcome):
            limit = "ever" if within == EVER else f"within {within}"
            ripe = {None: "", "p95": ", mature when older than 95 % of the completed steps took"}
            wait = f", mature after {mature}" if isinstance(mature, Span) else ripe[mature]
            seen = f", as far as {outcome} is complete" if outcome else ""
            return f"entered at {start}, reached {to} {limit}{wait}{seen}"
