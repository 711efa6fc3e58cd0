"""What `kpi lint` says of a catalogue that loads: what a reader will miss, and what is probably not meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from headwater.errors import Fault, QueryError, nearest
from headwater.metrics.definitions import names_in
from headwater.metrics.formula import expand
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Call, Formula, Name
from headwater.model.kpi import BASE, Kpi, Variant
from headwater.model.lowering import columns_in
from headwater.model.measure import Alive, At, Latest, Measure, Reached
from headwater.model.types import ONE, Unit

STAGES = (
    "impression", "visit", "click", "lead", "mql", "sal", "sql", "opportunity", "quote", "customer", "repeat",
    "company", "any",
)  # fmt: skip
ROLES = ("growth", "efficiency", "both")
VANITIES = ("low", "medium", "high")
CADENCES = ("real time", "per send", "daily", "weekly", "monthly", "quarterly", "half-yearly", "yearly")
FEWEST_ROWS = 5


def lint(catalogue: Catalogue) -> tuple[Fault, ...]:
    """Everything worth a second look in tables, measures and KPIs, by file; none of it stops a KPI from working."""
    found = [*_unused(catalogue), *_collisions(catalogue)]
    for measure in catalogue.measures.values():
        found += _measure(catalogue, measure)
    for kpi in catalogue.kpis.values():
        found += _missing(kpi)
        found += _words(kpi)
        found += _shown(kpi)
        for variant in kpi.variants:
            found += _variant(catalogue, kpi, variant)
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (f.path, f.key, f.what)))


def _note(kpi: Kpi, key: str, what: str, do: str = "") -> Fault:
    return Fault(kpi.path, 0, key, f"{what}." if do else what, do)


def _missing(kpi: Kpi) -> Iterator[Fault]:
    if kpi.title == kpi.id:
        yield _note(kpi, "title", "the KPI has no title")
    if not kpi.question:
        yield _note(kpi, "question", "the question that the KPI answers is not written down")
    if not kpi.pitfalls:
        yield _note(kpi, "pitfalls", "no pitfall is named", "Say when the number misleads.")
    if not kpi.reference:
        yield _note(kpi, "reference", "the definition cites nothing", "Say where it comes from.")
    if kpi.example is None:
        if any(v.answers for v in kpi.variants):
            yield _note(
                kpi, "example", "the KPI has no worked example", "Give rows of tables and the numbers expected."
            )
        return
    rows = sum(len(r) for _, r in kpi.example.tables)
    if rows < FEWEST_ROWS:
        yield _note(kpi, "example", f"the example has {rows} rows; {FEWEST_ROWS} or more tell right from wrong")


def _words(kpi: Kpi) -> Iterator[Fault]:
    for key, word, known in (
        ("stage", kpi.stage, STAGES),
        ("role", kpi.role, ROLES),
        ("vanity", kpi.vanity, VANITIES),
        ("cadence", kpi.cadence, CADENCES),
    ):
        if not word:
            yield _note(kpi, key, f"the {key} is not given", f"It is one of {', '.join(known)}.")
        elif word not in known:
            do = nearest(word, known) or f"It is one of {', '.join(known)}."
            yield _note(kpi, key, f"no {key} is called {word!r}", do)


def _shown(kpi: Kpi) -> Iterator[Fault]:
    """Notes where a KPI is shown as something that its unit is not."""
    powers = dict(kpi.unit.powers)
    fits = {
        "money": powers.get("money", 0) > 0,
        "days": kpi.unit == Unit.of(day=1),
        "percent": not {"money", "day", "hour", "minute", "second"} & powers.keys() and kpi.unit == _ratio(kpi.unit),
    }
    if not fits.get(kpi.show, True):
        yield _note(kpi, "show", f"the KPI is shown as {kpi.show}, and its unit is {kpi.unit}")


def _ratio(unit: Unit) -> Unit | None:
    """The unit itself where it is a pure number or a count for a count."""
    return unit if unit == ONE or sum(p for _, p in unit.powers) == 0 else None


def _variant(catalogue: Catalogue, kpi: Kpi, variant: Variant) -> Iterator[Fault]:
    """Notes on one variant: a basis that is mixed or not what the clocks say, an interval that cannot be right."""
    if variant.formula is None:
        return
    key = "" if variant.id == BASE else f"variants.{variant.id}."
    try:
        formula = expand(catalogue, variant.formula, kpi.id)
    except QueryError:
        return
    measures = [catalogue.measures[n] for n in dict.fromkeys(names_in(formula))]
    cohorts = [m.id for m in measures if isinstance(m.clock, Reached)]
    flows = [m.id for m in measures if isinstance(m.clock, At)]
    if cohorts and flows:
        what = f"{cohorts[0]!r} follows a cohort and {flows[0]!r} counts a period; the two bases are mixed"
        yield _note(kpi, f"{key}formula", what)
    if (variant.basis == "cohort") != bool(cohorts):
        yield _note(kpi, f"{key}basis", f"the basis is {variant.basis!r}, and {_basis_said(cohorts)}")
    if variant.basis == "stock" and not any(isinstance(m.clock, Alive | Latest) for m in measures):
        yield _note(kpi, f"{key}basis", "the basis is 'stock', and nothing in the formula is one")
    if not _interval_fits(variant.interval, formula, catalogue):
        yield _note(kpi, f"{key}interval", f"{variant.text!r} is no {variant.interval}, so its interval would be wrong")


def _basis_said(cohorts: list[str]) -> str:
    return f"the clock of {cohorts[0]!r} is 'reached'" if cohorts else "no measure in the formula follows a cohort"


def _interval_fits(interval: str, formula: Formula, catalogue: Catalogue) -> bool:
    """Whether a formula is what an interval is made for: a quotient of counts, one mean, one quantile, one count."""
    match interval, formula:
        case "none", _:
            return True
        case "proportion", Binary("/", top, bottom):
            return _counts(top, catalogue) and _counts(bottom, catalogue)
        case "mean", Name(name):
            return catalogue.measures[name].aggregate == "mean"
        case "quantile", Name(name):
            return catalogue.measures[name].aggregate in ("median", "quantile")
        case "survival", Name(name):
            return catalogue.measures[name].aggregate == "share"
        case "count", Name(name):
            return _is_count(catalogue.measures[name])
        case _:
            return False


def _counts(formula: Formula, catalogue: Catalogue) -> bool:
    match formula:
        case Name(name) | Call(_, Name(name)):
            return _is_count(catalogue.measures[name])
        case Binary("+" | "-", left, right):
            return _counts(left, catalogue) and _counts(right, catalogue)
        case _:
            return False


def _is_count(measure: Measure) -> bool:
    return measure.aggregate in ("count", "count_distinct")


def _measure(catalogue: Catalogue, measure: Measure) -> Iterator[Fault]:
    """Notes on one measure: no title, or a stock that reads values as they are now."""
    if measure.title == measure.id:
        yield Fault(measure.path, 0, "title", "the measure has no title")
    table = catalogue.tables[measure.table]
    if not isinstance(measure.clock, Alive) or table.versions:
        return
    for name in sorted(columns_in(measure.column) | columns_in(measure.where)):
        column = table.column(name)
        # a planned date is read as it is now by every clock, so a condition on it reads no more of today than that
        if column is not None and not (column.fixed or column.planned) and name not in table.key:
            what = f"the stock reads {name!r} as it is now, because {table.id!r} keeps no versions"
            yield Fault(measure.path, 0, "clock", f"{what}.", "Say that the column is 'fixed', or keep versions.")


def _unused(catalogue: Catalogue) -> Iterator[Fault]:
    used = {
        name
        for k in catalogue.kpis.values()
        for v in k.variants
        for name in (names_in(v.formula) if v.formula is not None else v.reads)
    }
    used |= {measure.goes_by for measure in catalogue.measures.values()}
    for measure in catalogue.measures.values():
        if measure.id not in used:
            yield Fault(measure.path, 0, "", f"no KPI uses the measure {measure.id!r}")


def _collisions(catalogue: Catalogue) -> Iterator[Fault]:
    """Notes on words that would find two KPIs, and on KPIs that hide behind a measure of the same name."""
    owners: dict[str, list[str]] = defaultdict(list)
    for kpi in catalogue.kpis.values():
        for word in {_folded(w) for w in (kpi.id, kpi.title, *kpi.aliases)}:
            owners[word].append(kpi.id)
    for kpi in catalogue.kpis.values():
        for word in (kpi.title, *kpi.aliases):
            others = [o for o in owners[_folded(word)] if o != kpi.id]
            if others:
                key = "title" if word == kpi.title else "aliases"
                yield _note(kpi, key, f"{word!r} also means {_listed(others)}")
        for word, times in Counter(_folded(a) for a in kpi.aliases).items():
            if times > 1:
                yield _note(kpi, "aliases", f"the alias {word!r} is given twice")
        default = kpi.variant()
        if kpi.id in catalogue.measures and default is not None and default.formula != Name(kpi.id):
            what = f"a formula that names {kpi.id!r} means the measure, and this KPI is something else"
            yield _note(kpi, "", what, "Rename one of them.")


def _folded(word: str) -> str:
    return word.casefold().replace("_", " ").replace("-", " ").strip()


def _listed(names: Iterable[str]) -> str:
    return " and ".join(repr(n) for n in sorted(set(names)))
