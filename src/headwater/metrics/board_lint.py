"""What a second look at a board finds: why it would tell more with fewer tiles, or with others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headwater.metrics.formula import find, resolve
from headwater.model.board import FIRST, MOST, Advice, Board, Tile
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Call, Formula, Name, Negate
from headwater.model.kpi import Kpi

WHY = {
    "too_many": "Nobody sees in a minute which of so many moved; what matters is lost among what does not.",
    "same_number": "It moves once and looks like two proofs of it.",
    "vanity_alone": "It grows easily; beside its pair one sees whether that brought anything.",
    "no_efficiency": "Growth at any price looks the same as healthy growth.",
    "no_outcome": "One can do well here while the company gains no customer and no money by it.",
    "gap": "A place that stays empty teaches people not to look.",
    "rate_alone": "A share of three looks like a share of three thousand, and rises when the whole shrinks.",
    "mixed_bases": "The two differ by how they count, and the difference is read as a change.",
}
"""Each rule by name, and why a reader is better off without what it finds."""

OUTCOME_GROUPS = ("sales", "financial", "attribution", "retention", "clv", "roi", "conversion", "qualification")
OUTCOME_STAGES = ("customer", "repeat", "company")


def lint_board(board: Board, catalogue: Catalogue, gaps: Mapping[str, str]) -> tuple[Advice, ...]:
    """Everything worth a second look on a board, in the order of WHY. `gaps` says of KPIs that no data can answer here
    what each waits for."""
    tiles = board.every_tile
    kpis = {name: find(catalogue, name)[0] for name in board.kpis}
    found = [
        *_too_many(board),
        *_same_number(tiles, catalogue),
        *_vanity_alone(tiles, kpis),
        *_growth_alone(board, kpis),
        *_no_outcome(board, kpis),
        *_gaps(board, gaps),
        *_rates_alone(board, kpis, catalogue),
        *_mixed_bases(tiles, catalogue),
    ]
    order = list(WHY)
    return tuple(
        Advice(a.rule, a.what, WHY[a.rule]) for a in sorted(dict.fromkeys(found), key=lambda a: order.index(a.rule))
    )


def _too_many(board: Board) -> Iterator[Advice]:
    """Of the first board only so many are shown as have room."""
    shown = len(board.every_tile) + len(board.charts)
    if board.id != FIRST and shown > MOST:
        yield Advice("too_many", f"{shown} tiles and charts; {MOST} are the most that are read", "")


def _gaps(board: Board, gaps: Mapping[str, str]) -> Iterator[Advice]:
    """The first board leaves out what has no data."""
    for name in board.kpis if board.id != FIRST else ():
        if name in gaps:
            yield Advice("gap", f"{name!r} cannot be computed here, it waits for {gaps[name]}", "")


def _same_number(tiles: Sequence[Tile], catalogue: Catalogue) -> Iterator[Advice]:
    """Tiles whose formulas are the same once every KPI in them is written out."""
    known: dict[tuple[str, str], str] = {}
    for tile in tiles:
        formula = resolve(catalogue, tile.kpi).formula
        if formula is None:
            continue
        first = known.setdefault((_spelled(formula), tile.filter), tile.kpi)
        if first != tile.kpi:
            yield Advice("same_number", f"{first!r} and {tile.kpi!r} are one number", "")


def _spelled(formula: Formula) -> str:
    """A formula as text that is the same for `a + b` and `b + a`."""
    match formula:
        case Binary(operator, left, right):
            sides = [_spelled(left), _spelled(right)]
            return f"({operator.join(sorted(sides) if operator in '+*' else sides)})"
        case Call(function, argument, window):
            return f"{function}({_spelled(argument)}, {window})"
        case Negate(of):
            return f"-{_spelled(of)}"
        case Name(name):
            return name
        case _:
            return repr(formula)


def _vanity_alone(tiles: Sequence[Tile], kpis: Mapping[str, Kpi]) -> Iterator[Advice]:
    there = {kpis[t.kpi].id for t in tiles}
    for kpi in {kpis[t.kpi].id: kpis[t.kpi] for t in tiles}.values():
        pair = kpi.pair.partition(".")[0]
        if kpi.vanity == "high" and pair and pair not in there:
            yield Advice("vanity_alone", f"{kpi.id!r} is a vanity KPI, and its pair {kpi.pair!r} is not here", "")


def _growth_alone(board: Board, kpis: Mapping[str, Kpi]) -> Iterator[Advice]:
    roles = {kpis[name].role for name in board.kpis}
    if "growth" in roles and not roles & {"efficiency", "both"}:
        yield Advice("no_efficiency", "it has KPIs of growth and none of efficiency", "")


def is_outcome(kpi: Kpi) -> bool:
    """Whether a KPI tells what the company has got by it: customers, their money or their staying.

    A price for them, an amount spent, and what has no direction do not.
    """
    if kpi.stage not in OUTCOME_STAGES or kpi.group not in OUTCOME_GROUPS:
        return False
    return kpi.better == "up" or (kpi.better == "down" and kpi.group == "retention")


def _no_outcome(board: Board, kpis: Mapping[str, Kpi]) -> Iterator[Advice]:
    if not any(is_outcome(kpis[name]) for name in board.kpis):
        yield Advice("no_outcome", "no KPI here is an outcome: revenue, customers, their value or their staying", "")


def _rates_alone(board: Board, kpis: Mapping[str, Kpi], catalogue: Catalogue) -> Iterator[Advice]:
    """Shares beside which nothing counts on the same table, although a KPI could."""
    counted = {t for name in board.kpis if not _is_quotient(catalogue, name) for t in _tables(catalogue, name)}
    for name in dict.fromkeys(t.kpi for t in board.every_tile):
        if kpis[name].show != "percent" or not _is_quotient(catalogue, name):
            continue
        if not counted.intersection(_tables(catalogue, name)) and (volume := _volume(catalogue, name)):
            what = f"{name!r} is a share, and nothing here says of how many; {volume!r} would"
            yield Advice("rate_alone", what, "")


def _volume(catalogue: Catalogue, name: str) -> str:
    """The KPI that counts what a share is a share of: its denominator, else its numerator; '' where there is none."""
    formula = resolve(catalogue, name).formula
    sides = (formula.right, formula.left) if isinstance(formula, Binary) else ()
    counts = {k.variants[0].formula: k.id for k in catalogue.kpis.values() if len(k.variants) == 1}
    return next((counts[side] for side in sides if isinstance(side, Name) and side in counts), "")


def _is_quotient(catalogue: Catalogue, name: str) -> bool:
    """Whether a KPI is one number for another; `1 - a / b` is, too."""
    match resolve(catalogue, name).formula:
        case Binary("/"):
            return True
        case Binary(_, left, right):
            return any(isinstance(side, Binary) and side.operator == "/" for side in (left, right))
        case Call("growth" | "share"):
            return True
        case _:
            return False


def _tables(catalogue: Catalogue, name: str) -> Iterator[str]:
    """The tables that a KPI counts on; journeys are those of the subjects they are made of."""
    for measure in resolve(catalogue, name).reads:
        table = catalogue.tables[catalogue.measures[measure].table]
        yield table.rows_from or table.id


def _mixed_bases(tiles: Sequence[Tile], catalogue: Catalogue) -> Iterator[Advice]:
    bases: dict[str, tuple[str, str]] = {}
    for tile in tiles:
        kpi, variant = find(catalogue, tile.kpi)
        first, basis = bases.setdefault(kpi.id, (tile.kpi, variant.basis))
        if basis != variant.basis:
            what = f"{first!r} counts by {basis} and {tile.kpi!r} by {variant.basis}: two bases of one rate"
            yield Advice("mixed_bases", what, "")
