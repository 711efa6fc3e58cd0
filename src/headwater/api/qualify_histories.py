"""What is known of each lead, moment by moment, from the small tables of criteria to the arrays of the analysis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from headwater.analyses.qualification import (
    FIRST,
    NEVER,
    Action,
    Flags,
    Group,
    Happening,
    Histories,
    Holding,
    Rules,
    Speed,
    Wholes,
)
from headwater.metrics.criteria_rows import EPOCH, done, group_done, held, known, tables_for_group, together
from headwater.model.catalogue import Catalogue
from headwater.model.criteria import CriteriaVersion, span_days
from headwater.model.plan import Relation

DAY_SECONDS = 86400
Ask = Callable[[Relation], list[tuple[Any, ...]]]
"""Gives the rows of a relation."""


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """The leads asked about: their ids, the second and day they entered, when the CRM says that they met the stage, and
    their segment; when a deal was first opened and won (NEVER, 0 for none)."""

    ids: tuple[str, ...]
    entered: Wholes
    entered_day: Wholes
    stage: Wholes
    stage_day: Wholes
    segments: tuple[tuple[str | None, ...], ...]
    opened: Wholes
    won: Wholes
    won_day: Wholes

    @property
    def place(self) -> dict[str, int]:
        """The number of each lead by its id."""
        return {id_: i for i, id_ in enumerate(self.ids)}


def subjects_of(rows: Sequence[tuple[Any, ...]], ended: Sequence[tuple[Any, ...]]) -> Subjects:
    """The leads, of the rows of `criteria_rows.subjects` and `outcomes`."""
    ids = tuple(r[0] for r in rows)
    place = {id_: i for i, id_ in enumerate(ids)}
    entered, entered_day, stage, stage_day = (_whole(r[n] for r in rows) for n in range(1, 5))
    opened, won, won_day = np.full(len(ids), NEVER), np.full(len(ids), NEVER), np.zeros(len(ids), np.int64)
    for lead, first, win, day, _ in ended:
        if (i := place.get(lead)) is not None:
            opened[i], won[i], won_day[i] = first, win, day or 0
    segments = tuple(tuple(r[5:]) for r in rows)
    return Subjects(ids, entered, entered_day, stage, stage_day, segments, opened, won, won_day)


def histories_of(
    version: CriteriaVersion, subjects: Subjects, as_of: date, catalogue: Catalogue, ask: Ask
) -> tuple[Histories, dict[int, Flags]]:
    """What one version of criteria goes by; and by the number of each profile rule the leads of whom what it reads was
    not known when they entered."""
    place = subjects.place
    stretches: list[tuple[int, int, int, int, int, int]] = []
    unknown: dict[int, Flags] = {}
    for group in together(version, catalogue):
        for lead, start, start_day, end, end_day, *flags in ask(held(version, group, as_of, catalogue)):
            if (i := place.get(lead)) is not None:
                moments = (i, start, end, start_day, end_day)
                stretches += [(r, *moments) for r, flag in zip(group.rules, flags, strict=True) if flag]
        if not group.always_known:
            reads = dict.fromkeys(r for n in group.rules for r in version.rules[n].reads)
            since = np.full(len(subjects.ids), NEVER)
            for lead, start in ask(known(group, tuple(reads), as_of, catalogue)):
                if (i := place.get(lead)) is not None:
                    since[i] = start
            late = since > subjects.entered
            unknown |= dict.fromkeys(group.rules, late)
    rule, subject, start, end, start_day, end_day = _columns(stretches, 6)
    actions = ask(done(version, as_of, catalogue)) if version.actions else []
    grouped: list[tuple[Any, ...]] = []
    if version.group is not None and tables_for_group(version, catalogue):
        grouped = ask(group_done(version, as_of, catalogue))
    roles = {role: n for n, role in enumerate(sorted({r[1] for r in grouped}))}
    numbered = [(lead, roles[role], *moments) for lead, role, *moments in grouped]
    return (
        Histories(
            subjects.entered,
            subjects.entered_day,
            Holding(rule, subject, start, end, start_day, end_day),
            _happening(actions, place),
            _happening(numbered, place),
            NEVER - 1,
        ),
        unknown,
    )


def rules_of(version: CriteriaVersion, start: date | None = None, end: date | None = None) -> Rules:
    """One version as the analysis takes it, in force from one day up to another (None: without bound)."""
    first = len(version.profile)
    speed, group = version.speed, version.group
    day = 0 if start is None else (start - EPOCH).days
    return Rules(
        tuple(float(r.points) for r in version.rules),
        tuple(range(first, first + len(version.require))),
        tuple(Action(float(a.points), None if a.most is None else float(a.most)) for a in version.actions),
        None if version.half_life is None else span_days(version.half_life) * DAY_SECONDS,
        None if speed is None else Speed(float(speed.points), speed.actions, span_days(speed.within) * DAY_SECONDS),
        None if group is None else Group(group.roles, span_days(group.within) * DAY_SECONDS),
        version.least_profile,
        version.least_initiative,
        version.least_total,
        FIRST if start is None else day * DAY_SECONDS,
        day,
        NEVER if end is None else (end - EPOCH).days * DAY_SECONDS,
    )


def _happening(rows: Sequence[tuple[Any, ...]], place: dict[str, int]) -> Happening:
    """Rows of lead, kind, time, known, day as columns; those of other leads are left out."""
    found = [(kind, i, time, since, day) for lead, kind, time, since, day in rows if (i := place.get(lead)) is not None]
    return Happening(*_columns(found, 5))


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> tuple[Wholes, ...]:
    found = np.array(rows, np.int64).reshape(-1, width)
    return tuple(np.ascontiguousarray(found[:, n]) for n in range(width))


def _whole(values: Any) -> Wholes:
    return np.fromiter((int(v) for v in values), np.int64)
