"""Files that are deliveries of one source: of one folder, one kind of name, and one header."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from headwater.connectors.files import VARIABLE
from headwater.model.look import Look, LookedColumn

_ENDINGS = re.compile(r"(\.(csv|tsv|tab|txt|xlsx|xlsm|parquet|pq|json|ndjson|jsonl|zip|gz|gzip))+$", re.IGNORECASE)
_MONTHS = "jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_DATED = re.compile(
    r"[-_. ]*(?<![0-9])(?:(?:19|20)\d{2}(?:[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?[0-3]\d)?)?(?![0-9])"
    rf"|q[1-4](?![a-z0-9])|(?:{_MONTHS})[a-z]*(?=[-_. ]?\d{{2,4}})|part[-_ ]?\d+|\(\d+\)|(?<=[-_ ])\d{{1,3}}$)",
    re.IGNORECASE,
)
SUFFIXES = ("snowflake", "postgres", "postgresql", "databricks", "bigquery", "redshift", "spark", "sqlserver")
"""Names of warehouses, at the end of a file's name: the same table as that warehouse writes it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one source. `id` is how the source is called, `path` what it names, `look` what they show together;
    `inside` which files of archives are meant, `copies` the path of another source that holds the same rows."""

    id: str
    path: str
    files: tuple[Path, ...]
    looks: tuple[Look, ...]
    look: Look
    inside: str = ""
    copies: str = ""


def family(name: str) -> str:
    """A file's name without its ending and the dates in it.

    >>> family("leads-2023_2024.csv"), family("sessions-2026-07.csv.gz"), family("2025.csv")
    ('leads', 'sessions', '2025')
    """
    stem = _ENDINGS.sub("", name)
    before = None
    bare = stem
    while before != bare:
        before, bare = bare, _DATED.sub("", bare)
    return bare.strip("-_. ") or stem


@lru_cache(maxsize=1 << 14)
def slug(text: str, otherwise: str = "column") -> str:
    """A text as a name of ours: small letters, digits and `_`.

    >>> slug("Cost (micros)"), slug("leadId"), slug("Währung"), slug("2nd")
    ('cost_micros', 'lead_id', 'waehrung', 'n2nd')
    """
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", text)
    plain = plain.casefold()
    for mark, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("é", "e"), ("è", "e"), ("ñ", "n")):
        plain = plain.replace(mark, letters)
    plain = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return (plain if not plain[:1].isdigit() else f"n{plain}") or otherwise


def warehouse_of(name: str) -> str:
    """The warehouse that a file's name ends in, or an empty text."""
    last = re.split(r"[-_. ]", _ENDINGS.sub("", name).casefold())[-1]
    return last if last in SUFFIXES else ""


def grouped(
    looks: Iterable[tuple[Path, Look]],
    workspace: Path,
    environment: Mapping[str, str],
    taken: Iterable[str] = (),
    alone: Container[Path] = (),
) -> tuple[Group, ...]:
    """The files as sources, in the order of their names. Files whose rows could not be told from others by a pattern
    are a source each. An archive that is `alone` holds one file, and is that file, whatever it is called inside."""
    found: dict[tuple[str, ...], list[tuple[Path, Look]]] = {}
    for path, look in looks:
        named = tuple(sorted(h.strip() for h in look.header))
        within = "" if path in alone else family(_inside(look)).casefold()
        place = (str(path.parent), family(path.name).casefold(), look.sheet, within)
        found.setdefault((*place, str(look.skip_rows), *named), []).append((path, look))
    groups: list[tuple[str, str, str, list[tuple[Path, Look]]]] = []
    for some in found.values():
        some.sort(key=lambda s: (s[0].name, s[1].member))
        first, look = some[0]
        is_one_file = first in alone and len({p for p, _ in some}) > 1
        name = _bare(slug(family(first.name if is_one_file else _inside(look) or first.name), "source"))
        if look.sheet and look.member:
            name = slug(f"{name}_{look.sheet}")
        paths, inside = list(dict.fromkeys(p for p, _ in some)), sorted({_inside(x) for _, x in some})
        pattern = _pattern([p.name for p in paths], _beside(first))
        one_each = all(p in alone for p in paths)
        within = _pattern(inside, _members(found, paths)) if inside != [""] and not one_each else ""
        if (pattern or len(paths) == 1) and (within or one_each or len(inside) == 1):
            named_by = pattern or glob.escape(first.name)
            whole = str(Path(glob.escape(str(first.parent))) / named_by)
            groups.append((name, whole, "" if one_each else within or glob.escape(inside[0]), some))
        else:
            groups += [
                (slug(_ENDINGS.sub("", _inside(x) or p.name)), glob.escape(str(p)), glob.escape(_inside(x)), [(p, x)])
                for p, x in some
            ]
    return _named(groups, workspace, environment, set(taken))


def _inside(look: Look) -> str:
    """The name of the file inside of an archive, or nothing."""
    return "" if look.sheet else look.member.rpartition("/")[2]


def _beside(path: Path) -> Callable[[str], set[str]]:
    """Which files of the folder of a file a pattern stands for."""
    folder = glob.escape(str(path.parent))
    return lambda pattern: {Path(p).name for p in glob.glob(f"{folder}/{pattern}")}  # noqa: PTH207


def _members(
    found: Mapping[tuple[str, ...], list[tuple[Path, Look]]], paths: Sequence[Path]
) -> Callable[[str], set[str]]:
    """Which files inside of some archives a pattern stands for."""
    names = {_inside(x) for some in found.values() for p, x in some if p in paths}
    return lambda pattern: {n for n in names if fnmatchcase(n, pattern)}


def _bare(name: str) -> str:
    """A name without the word that only says that it is data."""
    return re.sub(r"(?<=.)_(data|dataset|export|exports|table)$", "", name)


def _pattern(names: Sequence[str], matched: Callable[[str], set[str]]) -> str:
    """The pattern that stands for these names and, of those beside them, no other; an empty text where none does, or
    where one name has no date in it."""
    match = _DATED.search(_ENDINGS.sub("", names[0]))
    if len(names) == 1 and match is None:
        return ""
    start = names[0][: match.start()] if match else ""
    between = names[0][len(start) : len(start) + 1]
    if between in "-_. " and all(n.startswith(start + between) for n in names):
        start += between
    endings = {m[0] if (m := _ENDINGS.search(n)) else "" for n in names}
    end = endings.pop() if len(endings) == 1 else ""
    if not all(n.startswith(start) and n.endswith(end) for n in names) or not (start or end):
        return ""
    pattern = f"{glob.escape(start)}*{glob.escape(end)}"
    return pattern if matched(pattern) <= set(names) else ""


def _named(
    groups: list[tuple[str, str, str, list[tuple[Path, Look]]]],
    workspace: Path,
    environment: Mapping[str, str],
    taken: set[str],
) -> tuple[Group, ...]:
    """Groups with ids of their own: where several have one name, the folder stands before it."""
    counts: dict[str, int] = {}
    for name, *_ in groups:
        counts[name] = counts.get(name, 0) + 1
    made: list[Group] = []
    used = set(taken)
    for name, path, inside, some in groups:
        id = name if counts[name] == 1 else slug(f"{some[0][0].parent.name}_{name}")
        n = 2
        while id in used:
            id, n = (f"{id}_{n}" if n == 2 else f"{id.rpartition('_')[0]}_{n}"), n + 1
        used.add(id)
        looks = tuple(look for _, look in some)
        made.append(
            Group(
                id, told_path(path, workspace, environment), tuple(p for p, _ in some), looks, together(looks), inside
            )
        )
    return tuple(made)


def told_path(path: str, workspace: Path, environment: Mapping[str, str]) -> str:
    """A path as a source names it: from the workspace, or from the folder of the shared data, else whole."""
    for folder, start in ((str(workspace), ""), (environment.get(VARIABLE, ""), f"${{{VARIABLE}}}/")):
        begin = glob.escape(folder).rstrip("/") + "/" if folder else ""
        if begin and path.startswith(begin):
            return start + path.removeprefix(begin)
    return path


def together(looks: Sequence[Look]) -> Look:
    """What several files of one header show together: what fits them all."""
    first = looks[0]
    if len(looks) == 1:
        return first
    columns = []
    for c in first.columns:
        same = [f for look in looks if (f := look.column(c.name)) is not None]
        columns.append(_one_column([f for f in same if f.filled] or same[:1]))
    return replace(
        first,
        columns=tuple(columns),
        rows=sum(look.rows for look in looks),
        exact=all(look.exact for look in looks),
        looked=sum(look.looked for look in looks),
        totals=tuple(dict.fromkeys(t for look in looks for t in look.totals)),
        keys=tuple(k for k in first.keys if all(k in look.keys for look in looks)),
        sketch=tuple(sorted({h for look in looks for h in look.sketch})),
        repeats=_summed(looks),
        warnings=tuple(dict.fromkeys(w for look in looks for w in look.warnings)),
        encodings=next((look.encodings for look in looks if look.encodings), ()),
        encoding=next((look.encoding for look in looks if look.encoding), ""),
    )


def _summed(looks: Sequence[Look]) -> tuple[tuple[tuple[str, ...], int], ...]:
    found: dict[tuple[str, ...], int] = {}
    for look in looks:
        for key, count in look.repeats:
            found[key] = found.get(key, 0) + count
    return tuple(found.items())


def _one_column(columns: Sequence[LookedColumn]) -> LookedColumn:
    """Columns of one name in several files as one."""
    first = columns[0]
    marks = [set(c.decimals) for c in columns if c.decimals]
    counts: dict[str, int] = {}
    for c in columns:
        for text, n in c.values:
            counts[text] = counts.get(text, 0) + n
    listed = all(c.values for c in columns) and len(counts) <= 50
    return replace(
        first,
        filled=sum(c.filled for c in columns),
        kinds=tuple(k for k in first.kinds if all(k in c.kinds for c in columns)),
        date_formats=tuple(f for f in first.date_formats if all(f in c.date_formats for c in columns)),
        decimals=tuple(m for m in (".", ",") if marks and all(m in some for some in marks)),
        values=tuple(sorted(counts.items(), key=lambda v: -v[1])) if listed else (),
        unique=all(c.unique for c in columns),
        leading_zeros=any(c.leading_zeros for c in columns),
        currencies=tuple(sorted({code for c in columns for code in c.currencies}))
        if all(c.currencies for c in columns)
        else (),
        clock=next((c.clock for c in columns if c.clock == "local"), max((c.clock for c in columns), default="no")),
        accounting=any(c.accounting for c in columns),
        padded=any(c.padded for c in columns),
        **_apart(columns),
    )


def _apart(columns: Sequence[LookedColumn]) -> dict[str, Any]:
    """What columns of one name mostly show, where that of some is not all."""
    if not any(c.mostly for c in columns):
        return {}
    counts: dict[str, int] = {}
    for c in columns:
        for text, n in c.misfits:
            counts[text] = counts.get(text, 0) + n
    return {
        "mostly": _one_column([c.mostly or c for c in columns]),
        "misfits": tuple(sorted(counts.items(), key=lambda v: -v[1])),
        "misfitting": sum(c.misfitting for c in columns),
    }
