"""What is known of each lead, moment by moment, from the small tables of criteria to the arrays of the analysis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
from headwater.metrics.criteria_rows import EPOCH, done, group_done, held, tables_for_group, together
from headwater.model.catalogue import Catalogue
from headwater.model.criteria import CriteriaVersion, span_days
from headwater.model.plan import Relation

DAY_SECONDS = 86400
Columns: TypeAlias = "Sequence[pa.ChunkedArray]"
Ask = Callable[[Sequence[Relation]], Sequence[Columns]]
"""Gives the columns of the rows of a relation; there may be none where there are no rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Subjects:
    """The leads asked about: their ids, the second and day they entered, when the CRM says that they met the stage, and
    their segment; when a deal was first opened and won (NEVER, 0 for none)."""

    ids: pa.StringArray
    entered: Wholes
    entered_day: Wholes
    stage: Wholes
    stage_day: Wholes
    segments: tuple[tuple[str | None, ...], ...]
    opened: Wholes
    won: Wholes
    won_day: Wholes

    def __len__(self) -> int:
        return len(self.entered)

    def numbers(self, ids: pa.ChunkedArray) -> Wholes:
        """The number of each lead, -1 of one that is not asked about."""
        return _whole(pc.index_in(pc.cast(ids, pa.string()), value_set=self.ids), -1)


def subjects_of(columns: Columns, ended: Columns) -> Subjects:
    """The leads, of the columns of `criteria_rows.subjects` and `outcomes`."""
    ids, *moments = _filled(columns, 5)
    n = len(ids)
    segments = tuple(zip(*(c.to_pylist() for c in columns[5:]), strict=True)) if len(columns) > 5 else ((),) * n
    opened, won, won_day = np.full(n, NEVER), np.full(n, NEVER), np.zeros(n, np.int64)
    known = pa.concat_arrays([pc.cast(chunk, pa.string()) for chunk in ids.chunks]) if n else pa.array([], pa.string())
    entered, entered_day, stage, stage_day = (_whole(m) for m in moments)
    found = Subjects(known, entered, entered_day, stage, stage_day, segments, opened, won, won_day)
    leads, *outcomes = _filled(ended, 4)
    who = found.numbers(leads)
    mine = who >= 0
    for column, told in zip((opened, won, won_day), outcomes, strict=True):
        column[who[mine]] = _whole(told)[mine]
    return found


def histories_of(
    version: CriteriaVersion, subjects: Subjects, as_of: date, catalogue: Catalogue, ask: Ask
) -> tuple[Histories, dict[int, Flags]]:
    """What one version of criteria goes by; and by the number of each profile rule the leads of whom what it reads was
    not known when they entered."""
    groups = together(version, catalogue)
    relations = [held(version, group, as_of, catalogue) for group in groups]
    by_action, by_group = (
        bool(version.actions),
        version.group is not None and bool(tables_for_group(version, catalogue)),
    )
    relations += [done(version, as_of, catalogue)] if by_action else []
    relations += [group_done(version, as_of, catalogue)] if by_group else []
    told = iter(ask(relations))
    stretches = [_nothing(6)]
    unknown: dict[int, Flags] = {}
    for group in groups:
        leads, *moments = _filled(next(told), 5 + len(group.rules))
        start, start_day, end, end_day = (_whole(c) for c in moments[:4])
        who, bounds = subjects.numbers(leads), (start, end, start_day, end_day)
        for rule, flag in zip(group.rules, moments[4:], strict=True):
            rows = np.flatnonzero(_flags(flag) & (who >= 0))
            stretches.append([np.full(len(rows), rule), who[rows], *(b[rows] for b in bounds)])
        if not group.always_known:
            since = np.full(len(subjects), NEVER)
            np.minimum.at(since, who[who >= 0], start[who >= 0])
            unknown |= dict.fromkeys(group.rules, since > subjects.entered)
    return (
        Histories(
            subjects.entered,
            subjects.entered_day,
            Holding(*_joined(stretches)),
            _done(version, subjects, next(told) if by_action else []),
            _group_done(subjects, next(told) if by_group else []),
            NEVER - 1,
        ),
        unknown,
    )


def _done(version: CriteriaVersion, subjects: Subjects, columns: Columns) -> Happening:
    leads, *told = _filled(columns, 4 + len(version.actions))
    who, moments = subjects.numbers(leads), [_whole(c) for c in told[:3]]
    found = [_nothing(5)]
    for kind, flag in enumerate(told[3:]):
        mine = np.flatnonzero(_flags(flag) & (who >= 0))
        found.append([np.full(len(mine), kind), who[mine], *(m[mine] for m in moments)])
    return Happening(*_joined(found))


def _group_done(subjects: Subjects, columns: Columns) -> Happening:
    leads, *moments, role = _filled(columns, 5)
    who = subjects.numbers(leads)
    roles = pc.unique(role)
    found = (_whole(pc.index_in(role, value_set=roles)), who, *(_whole(c) for c in moments))
    return Happening(*(c[who >= 0] for c in found))


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


def _filled(columns: Columns, width: int) -> list[pa.ChunkedArray]:
    """The first columns; without rows there may be none."""
    return list(columns[:width]) or [pa.chunked_array([pa.array([], pa.string())])] * width


def _whole(column: pa.ChunkedArray, nothing: int = 0) -> Wholes:
    found: Wholes = pc.fill_null(pc.cast(column, pa.int64()), nothing).to_numpy()
    return found


def _flags(column: pa.ChunkedArray) -> Flags:
    found: Flags = pc.cast(column, pa.bool_()).to_numpy()
    return found


def _nothing(width: int) -> list[Wholes]:
    return [np.zeros(0, np.int64)] * width


def _joined(parts: Sequence[list[Wholes]]) -> list[Wholes]:
    """Columns one below the other."""
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]
