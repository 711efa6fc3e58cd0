"""What is wrong with a history of stages: twelve faults, each told of the rows that have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, exp, lgamma, log

from headwater.model.plan import (
    Agg,
    Col,
    Group,
    Join,
    Lit,
    Named,
    NamedAgg,
    Op,
    Order,
    Over,
    Project,
    Relation,
    Scalar,
    Scan,
)

TABLE = "stage_entries"

PATHS: dict[str, tuple[str, ...]] = {
    "lead": ("mql", "handed_over", "sal", "sales_qualified"),
    "opportunity": ("qualified", "quote"),
    "account": (),
}
"""The stages that the program knows, in order, by the kind of subject; ends and reopening stand apart."""

ENDS: dict[str, tuple[str, ...]] = {"lead": ("disqualified",), "opportunity": ("won", "lost"), "account": ()}
REOPENED = "reopened"
CLOSED = ("won", "lost")

SUBJECTS = {
    "lead": ("leads", "lead_id"),
    "opportunity": ("opportunities", "opportunity_id"),
    "account": ("accounts", "account_id"),
}
"""The table and key of each kind of subject."""

FAULTS: dict[str, str] = {
    "future_date": "lie in the future",
    "impossible_order": "leave the stage before they enter it",
    "orphan": "are of a subject that no table holds",
    "duplicate_entry": "enter the stage that their subject is in already",
    "unknown_stage": "name a stage that no funnel knows",
    "missing_stage": "come without the stage before, which most pass",
    "backward_jump": "fall back to an earlier stage",
    "zero_time_chain": "are one of three stages or more at one moment",
    "bulk_update": "are one of many of their stage at one moment",
    "reopened_deal": "open a closed deal again",
    "moves_after_close": "move a deal that is closed",
    "won_without_close": "win a deal that its own table does not hold as won",
}
"""Each fault, as it is told of rows: '12 entries lie in the future'."""

CHAIN = 3
LEAST_BULK, TIMES_USUAL = 5, 10
"""So many entries of a stage at one moment are a bulk where moments are seldom shared, else so many times the usual."""

_SUBJECT = (Col("subject_kind"), Col("subject_id"))
_ORDER = (Order(Col("_moment")), Order(Col("_position")), Order(Col("stage")), Order(Col("entered_at")))


@dataclass(frozen=True, slots=True)
class Usage:
    """How a stage of a kind of subject is used: how many `subjects` came to it, in how many `entries` at how many
    different `moments`."""

    kind: str
    stage: str
    entries: int
    subjects: int
    moments: int

    @property
    def bulk(self) -> int:
        """From how many entries at one moment on they are told as a bulk: where moments are shared as a matter of
        course (days, minutes of a busy hour), so many that no moment in a thousand histories would have them by chance,
        working hours being four times as busy as the mean; and of days, ten times the usual."""
        mean = self.entries / max(self.moments, 1)
        busy = 4 * min(2 * (mean - 1), mean)
        number = LEAST_BULK if mean < 2 else max(LEAST_BULK, ceil(TIMES_USUAL * mean))
        while self.moments * _poisson_at_least(number, busy) > 1e-3:
            number += 1
        return number


def _poisson_at_least(number: int, mean: float) -> float:
    """How likely so many or more are where `mean` are to be expected; a bound, tight where they are many more."""
    if mean <= 0:
        return 0.0
    if number <= mean:
        return 1.0
    return exp(number * log(mean) - mean - lgamma(number + 1)) / (1 - mean / (number + 1))


def usage() -> Relation:
    """How each stage is used: `kind`, `stage`, `entries`, `subjects`, `moments`."""
    rows = Project(
        Scan(TABLE),
        (
            Named("kind", Col("subject_kind")),
            Named("stage", Col("stage")),
            Named("subject_id", Col("subject_id")),
            Named("_moment", _moment()),
        ),
    )
    return Group(
        rows,
        (Named("kind", Col("kind")), Named("stage", Col("stage"))),
        (
            NamedAgg("entries", Agg("count_rows")),
            NamedAgg("subjects", Agg("count_distinct", Col("subject_id"))),
            NamedAgg("moments", Agg("count_distinct", Col("_moment"))),
        ),
    )


def usual_path(kind: str, known: Sequence[str], used: Sequence[Usage]) -> tuple[str, ...]:
    """Of the known stages of a kind in order, those that most pass: at least half as many as come to the next."""
    counts = {u.stage: u.subjects for u in used if u.kind == kind}
    path: list[str] = []
    for stage in reversed([s for s in known if s in counts]):
        if not path or 2 * counts[stage] >= counts[path[0]]:
            path.insert(0, stage)
    return tuple(path)


def flagged(
    paths: Mapping[str, Sequence[str]],
    used: Sequence[Usage],
    today: date,
    tables: frozenset[str],
    others: Mapping[str, Sequence[str]] | None = None,
) -> Relation:
    """Each entry with a boolean for each fault of FAULTS, beside `subject_kind`, `subject_id`, `stage` and
    `entered_at__day`. `paths`: the stages of each kind in order; `tables`: those that hold rows to look subjects up;
    `others`: known stages of each kind that have no place in the order."""
    position: list[Scalar] = []
    for kind, stages in paths.items():
        for number, stage in enumerate(stages):
            position += [_both(_is("subject_kind", kind), _is("stage", stage)), Lit(number + 1)]
    base: Relation = Project(
        Scan(TABLE),
        (
            *(Named(n, Col(n)) for n in ("subject_kind", "subject_id", "stage")),
            *(Named(n, Col(n)) for n in ("entered_at", "entered_at__day", "exited_at", "exited_at__day")),
            Named("_moment", _moment()),
            Named("_position", Op("case", (*position, Lit(None))) if position else Op("as_integer", (Lit("0"),))),
        ),
    )
    held = [kind for kind, (table, _) in SUBJECTS.items() if table in tables]
    for kind in held:
        base = _looked_up(base, kind)
    place = Over("row_number", _SUBJECT, _ORDER)
    numbered = Project(
        base, (Named("_number", place), Named("_before", Over("lag", _SUBJECT, _ORDER, Col("stage"))),
               Named("_before_position", Over("lag", _SUBJECT, _ORDER, Col("_position")))), keep_all=True,
    )  # fmt: skip
    closing = _both(_is("subject_kind", "opportunity"), Op("in", (Col("stage"), *(Lit(s) for s in CLOSED))))
    closed_number = Op("case", (closing, Col("_number"), Lit(None)))
    reopened_number = Op("case", (_is("stage", REOPENED), Col("_number"), Lit(None)))
    has = [
        Named(f"_has_{kind}_{i}", Over("max", _SUBJECT, (), Op("case", (_is("stage", stage), Lit(1), Lit(0)))))
        for kind, stages in ((k, usual_path(k, s, used)) for k, s in paths.items())
        for i, stage in enumerate(stages[:-1])
    ]
    told = Project(
        numbered,
        (
            Named("_closed", Over("max", _SUBJECT, (Order(Col("_number")),), closed_number)),
            Named("_last_closed", Over("max", _SUBJECT, (), closed_number)),
            Named("_reopened", Over("max", _SUBJECT, (Order(Col("_number")),), reopened_number)),
            Named("_last_reopened", Over("max", _SUBJECT, (), reopened_number)),
            Named("_at_once", Over("count_rows", (*_SUBJECT, Col("_moment")))),
            Named("_together", Over("count_rows", (Col("subject_kind"), Col("stage"), Col("_moment")))),
            *has,
        ),
        keep_all=True,
    )
    conditions = {
        "future_date": Op("gt", (Col("entered_at__day"), Lit(today))),
        "impossible_order": _left_before_entered(),
        "orphan": _any([_both(_is("subject_kind", k), Op("is_null", (Col(f"_held_{k}"),))) for k in held]),
        "duplicate_entry": Op("eq", (Col("_before"), Col("stage"))),
        "unknown_stage": Op("not", (_any(_known_stages(paths, others or {})),)),
        "missing_stage": _any(_missing(paths, used)),
        "backward_jump": Op("lt", (Col("_position"), Col("_before_position"))),
        "zero_time_chain": _both(_some(Col("entered_at")), Op("ge", (Col("_at_once"), Lit(CHAIN)))),
        "bulk_update": _any(
            [
                _both(_is("subject_kind", u.kind), _is("stage", u.stage), Op("ge", (Col("_together"), Lit(u.bulk))))
                for u in used
            ]
        ),
        "reopened_deal": _both(_is("subject_kind", "opportunity"), _is("stage", REOPENED)),
        "moves_after_close": _both(
            _is("subject_kind", "opportunity"),
            _some(Col("_position")),
            Op("gt", (Col("_closed"), Op("coalesce", (Col("_reopened"), Lit(0))))),
        ),
        "won_without_close": _not_won("opportunity" in held),
    }
    columns = tuple(Named(n, Op("coalesce", (conditions[n], Lit(False)))) for n in FAULTS)
    kept = tuple(Named(n, Col(n)) for n in ("subject_kind", "subject_id", "stage", "entered_at__day"))
    return Project(told, (*kept, *columns))


def counted(rows: Relation) -> Relation:
    """One row over what `flagged` gives: `entries`, and for each fault its number and one subject that has it
    (`<fault>_of`)."""
    aggregates = [NamedAgg("entries", Agg("count_rows"))]
    for fault in FAULTS:
        aggregates.append(NamedAgg(fault, Agg("count_rows", where=Col(fault))))
        aggregates.append(NamedAgg(f"{fault}_of", Agg("min", Col("subject_id"), where=Col(fault))))
    return Group(rows, (), tuple(aggregates))


# --- the conditions --------------------------------------------------------------------------------------------------
def _moment() -> Scalar:
    """When a stage was entered; a day without an instant is its first second."""
    return Op("coalesce", (Col("entered_at"), Op("as_instant", (Col("entered_at__day"),))))


def _looked_up(rows: Relation, kind: str) -> Relation:
    """The rows with the subject's own row where there is one; of a deal with what became of it."""
    table, key = SUBJECTS[kind]
    deal = kind == "opportunity"
    ours = _names(rows)
    theirs = (
        Named("_id", Col(key)),
        *((Named("_status", Col("status")), Named("_end", Col("closed_at__day"))) if deal else ()),
    )
    on = _both(Op("eq", (Col("subject_id", "left"), Col("_id", "right"))), _is("subject_kind", kind, "left"))
    added = (
        Named(f"_held_{kind}", Col("_id", "right")),
        *((Named("_status", Col("_status", "right")), Named("_end", Col("_end", "right"))) if deal else ()),
    )
    return Project(
        Join(rows, Project(Scan(table), theirs), "left", on), (*(Named(n, Col(n, "left")) for n in ours), *added)
    )


def _names(rows: Relation) -> tuple[str, ...]:
    assert isinstance(rows, Project)
    return tuple(c.name for c in rows.columns)


def _left_before_entered() -> Scalar:
    by_day = Op("lt", (Col("exited_at__day"), Col("entered_at__day")))
    return Op("or", (by_day, Op("lt", (Col("exited_at"), Col("entered_at")))))


def _known_stages(paths: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]]) -> list[Scalar]:
    found: list[Scalar] = []
    for kind, stages in paths.items():
        names = dict.fromkeys((*stages, *others.get(kind, ()), *ENDS.get(kind, ()), REOPENED))
        found.append(_both(_is("subject_kind", kind), Op("in", (Col("stage"), *(Lit(n) for n in names)))))
    return found


def _missing(paths: Mapping[str, Sequence[str]], used: Sequence[Usage]) -> list[Scalar]:
    """A stage of the usual path whose subject never came to the one before."""
    found: list[Scalar] = []
    for kind, stages in paths.items():
        path = usual_path(kind, stages, used)
        for i, stage in enumerate(path[1:]):
            lacks = Op("eq", (Col(f"_has_{kind}_{i}"), Lit(0)))
            found.append(_both(_is("subject_kind", kind), _is("stage", stage), lacks))
    return found


def _not_won(held: bool) -> Scalar:
    """A deal's last end is a win, its own row says otherwise."""
    if not held:
        return Lit(False)
    last = _both(
        Op("eq", (Col("_number"), Col("_last_closed"))),
        Op("gt", (Col("_number"), Op("coalesce", (Col("_last_reopened"), Lit(0))))),
    )
    other = Op("or", (Op("is_null", (Col("_end"),)), Op("ne", (Col("_status"), Lit("won")))))
    return _both(_is("subject_kind", "opportunity"), _is("stage", "won"), _some(Col("_held_opportunity")), last, other)


def _is(column: str, value: str, side: str = "") -> Scalar:
    return Op("eq", (Col(column, side), Lit(value)))


def _some(value: Scalar) -> Scalar:
    return Op("not", (Op("is_null", (value,)),))


def _both(*conditions: Scalar) -> Scalar:
    return Op("and", conditions)


def _any(conditions: Sequence[Scalar]) -> Scalar:
    if not conditions:
        return Lit(False)
    return conditions[0] if len(conditions) == 1 else Op("or", tuple(conditions))
