"""Files that tell the same facts again: copies, levels of one report, and the systems whose ids they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from headwater.api.drafting import Draft
from headwater.api.grouping import Group, slug, warehouse_of
from headwater.connectors.presets import Match, recognise
from headwater.model.look import Choice, Doubt
from headwater.model.preset import Preset
from headwater.model.source import Source
from headwater.model.table import Table


def matches_of(groups: Sequence[Group], presets: Mapping[str, Preset]) -> dict[str, Match]:
    """By group, the shape of a vendor that its files are; groups that are none are missing."""
    found: dict[str, Match] = {}
    for group in groups:
        name = group.look.member.rpartition("/")[2] or group.files[0].name
        if matches := recognise([h for h in group.look.header if h], name, presets):
            found[group.id] = matches[0]
    return found


def rivals(groups: Sequence[Group], matches: Mapping[str, Match]) -> dict[str, Doubt]:
    """By group, the doubt which of several files that tell the same facts is loaded: shapes of one `once`."""
    same: dict[tuple[str, str], list[tuple[Group, Match]]] = {}
    for group in groups:
        match = matches.get(group.id) if not group.copies else None
        if match is not None and match.shape.once and match.shape.tables:
            same.setdefault((match.preset.id, match.shape.once), []).append((group, match))
    found: dict[str, Doubt] = {}
    for (preset, once), some in same.items():
        if len({m.shape.id for _, m in some}) < 2:
            continue
        answers = tuple(Choice(g.id, m.shape.title) for g, m in some)
        paths = ", ".join(g.path for g, _ in some)
        what = f"{len(some)} files tell the same facts at several levels; which is loaded? The others are left out"
        doubt = Doubt(f"{preset}.{slug(once)}.once", preset, paths, "", what, answers)
        found |= {g.id: doubt for g, _ in some}
    return found


def with_copies(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The groups, with a word on those whose rows another one holds too: more than half of the smaller one's rows."""
    found: list[Group] = []
    for group in groups:
        other = next((g for g in found if not g.copies and _alike(g, group)), None)
        found.append(replace(group, copies=other.path) if other is not None else group)
    return tuple(found)


def _alike(one: Group, other: Group) -> bool:

    a, b = ({slug(h) for h in g.look.header} for g in (one, other))
    if not a or len(a & b) * 5 < len(a | b) * 4:
        return False
    names = [g.files[0].name for g in (one, other)]
    if warehouse_of(names[1]) and slug(names[1].split(".")[0]).startswith(slug(names[0].split(".")[0])):
        return True
    rows, more = set(one.look.sketch), set(other.look.sketch)
    return bool(rows and more) and len(rows & more) * 2 > min(len(rows), len(more))


def with_systems(drafts: Sequence[Draft], standing: Iterable[Source], tables: Mapping[str, Table]) -> None:
    """Takes away the names of systems where no two of them can have rows of one key: ids then lead from one file to
    another's. They stay where two systems feed one table that only its ids tell apart, and where a source that stands
    names the same one."""
    feeding: dict[str, set[str]] = {}
    named: set[str] = set()
    for source in standing:
        named.add(source.system)
        for mapping in source.tables:
            key = mapping.key or tables[mapping.table].key
            if not any(c.constant is not None for c in mapping.columns if c.target in key):
                feeding.setdefault(mapping.table, set()).add(source.system)
    for d in drafts:
        for table, said in d.tables.items():
            key = said.get("key") or (tables[table].key if table in tables else ())
            if not d.left and not any("constant" in said["columns"].get(k, {}) for k in key):
                feeding.setdefault(table, set()).add(str(d.says.get("system", "")))
    clashing = named.union(*(systems for systems in feeding.values() if len(systems) > 1))
    for d in drafts:
        if d.says.get("system") not in clashing:
            d.says.pop("system", None)
