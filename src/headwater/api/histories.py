"""Whether the histories of stages hold together, as `check` tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from headwater.api.checked import Result
from headwater.api.funnels import FUNNELS
from headwater.api.measuring import Bench
from headwater.metrics.render import render
from headwater.metrics.stage_history import FAULTS, PATHS, SUBJECTS, TABLE, Usage, counted, flagged, usage

CHECK = "stage history"


def histories(at: Bench, today: date) -> Iterator[Result]:
    """What is wrong with the entries into stages, one Result a fault found; one that all is well where none is."""
    stored = at.reader.generation.table(TABLE)
    if stored is None or not stored.rows:
        return
    used = tuple(
        Usage(str(kind), str(stage), int(entries), int(subjects), int(moments))
        for kind, stage, entries, subjects, moments in at.reader.rows(render(usage(), at.reader.spelling))
    )
    tables = frozenset(t.table for t in at.reader.generation.tables if t.rows)
    statement = render(counted(flagged(stage_paths(at), used, today, tables, other_stages(at))), at.reader.spelling)
    (row,) = at.reader.rows(statement)
    told = dict(zip(statement.columns, row, strict=True))
    found = [fault for fault in FAULTS if told[fault]]
    for fault in found:
        what = (
            f"{int(told[fault]):,} of {int(told['entries']):,} entries {FAULTS[fault]} (such as {told[f'{fault}_of']})"
        )
        yield Result(CHECK, "warning", fault.replace("_", " "), what)
    if not found:
        yield Result(CHECK, "ok", TABLE, f"{int(told['entries']):,} entries, none of {len(FAULTS)} faults")


def stage_paths(at: Bench) -> dict[str, tuple[str, ...]]:
    """The stages of each kind of subject in order: those that the program knows, and those that only a funnel knows
    after the one they follow there."""
    by_table = {table: kind for kind, (table, _) in SUBJECTS.items()}
    paths = dict(PATHS)
    for funnel in FUNNELS.get(at.folder, at.catalogue).values():
        kind = by_table.get(at.catalogue.tables[funnel.table].rows_from or funnel.table)
        own = tuple(s.stage for s in funnel.steps if s.stage)
        if kind is None or not own:
            continue
        new = [s for s in own if s not in paths[kind] and s not in ("won", "lost")]
        if new:
            paths[kind] = _merged(paths[kind], own, new)
    return paths


def other_stages(at: Bench) -> dict[str, tuple[str, ...]]:
    """The stages of each kind of subject that funnels name beside their steps."""
    by_table = {table: kind for kind, (table, _) in SUBJECTS.items()}
    found: dict[str, tuple[str, ...]] = {}
    for funnel in FUNNELS.get(at.folder, at.catalogue).values():
        kind = by_table.get(at.catalogue.tables[funnel.table].rows_from or funnel.table, "")
        found[kind] = (*found.get(kind, ()), *funnel.other_stages)
    return found


def _merged(known: tuple[str, ...], order: tuple[str, ...], new: list[str]) -> tuple[str, ...]:
    """The known stages with new ones, each after the one that it follows in the order it came in."""
    found = list(known)
    for stage in new:
        before = [s for s in order[: order.index(stage)] if s in found]
        found.insert(found.index(before[-1]) + 1 if before else 0, stage)
    return tuple(found)
