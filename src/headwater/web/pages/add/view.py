"""Proposed sources as components show them: what each is, what is asked about it, and what a load of it would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import yaml

from headwater.api.condition import Aside
from headwater.api.inspecting import Inspected
from headwater.api.reports import LoadedFile
from headwater.model.look import CONSTANT, LEAVE, OWN, Doubt, Look, LookedColumn, Proposal
from headwater.web.pages.add.desk import Seen
from headwater.web.parts import Cell, Notice, Possible, Question, Questions, Table
from headwater.web.view.look import Look as Page
from headwater.web.view.wording import sentence

ANSWER, OWN_WORDS = "a.", "t."
"""What the names of a form's fields begin with: an answer of the list, or words of the reader's own; then the id."""

SAMPLES = 3
MOST_MISSING = 5
YES_OR_NO = frozenset({"yes", "no", "true", "false", "y", "n", "t", "f", "1", "0", "ja", "nein", "oui", "non"})
FIRST, FOLDED_FROM = 6, 10
"""A question with more than ten answers shows the first six; the others are folded away."""
ALWAYS = (LEAVE, OWN)
"""What never is."""
FORMATS = {"csv": "CSV", "xlsx": "XLSX", "parquet": "Parquet", "json": "JSON", "ndjson": "NDJSON"}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was given: the id of its question, and what it says. One `here`, on the page, can be taken back;
    the others stand in the workspace's file."""

    id: str
    text: str
    here: bool


@dataclass(frozen=True, slots=True)
class Handed:
    """One proposed source. `names` are its uploaded files; `answered` can be taken back; `delivers` are files
    that came once more under the name of one that a source reads, with what can be done."""

    id: str
    title: str
    state: Cell
    about: str
    names: tuple[str, ...]
    notices: tuple[Notice, ...] = ()
    questions: Questions | None = None
    answered: tuple[Answered, ...] = ()
    columns: tuple[Table, ...] = ()
    counts: Table | None = None
    aside: Table | None = None
    delivers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be looked at."""

    name: str
    what: str


def handed(page: Page, seen: Seen, given: Mapping[str, Sequence[str]], faults: Mapping[str, str]) -> list[Handed]:
    """The proposals that wait for something, those with questions first. `given` and `faults` are answers that were
    refused just now, and why."""
    inspected = seen.inspected
    if inspected is None:
        return []
    order = {"open": 0, "unrecognised": 0, "ready": 1, "left": 2}
    waiting = [p for p in inspected.proposals if p.state in order]
    return [_handed(page, seen, inspected, p, given, faults) for p in sorted(waiting, key=lambda p: order[p.state])]


def unreadable(page: Page, seen: Seen) -> list[Unreadable]:
    """The files that cannot be looked at, each with why and what to do."""
    found = () if seen.inspected is None else seen.inspected.unread
    return [
        Unreadable(
            _name(u.path), " ".join(p for p in (f"{u.member}:" if u.member else "", sentence(u.what, u.do)) if p)
        )
        for u in found
    ]


def _handed(
    page: Page,
    seen: Seen,
    inspected: Inspected,
    p: Proposal,
    given: Mapping[str, Sequence[str]],
    faults: Mapping[str, str],
) -> Handed:
    say, words = page.say, page.words
    looks = _looks(inspected, p)
    asked = {"n": words.count(len(p.doubts))}
    match p.state:
        case "ready":
            state = Cell(say("add.ready"), kind="good")
        case "left":
            state = Cell(say("add.left"), kind="neutral")
        case _:
            state = Cell(say("add.asked_one" if len(p.doubts) == 1 else "add.asked", **asked), kind="warn")
    questions = None
    if p.doubts:
        items = tuple(_question(page, d, given.get(d.id, ()), faults.get(d.id, "")) for d in p.doubts)
        questions = Questions(f"/data/add/answers#{_id(p.source)}", items, say("add.answer"), say("add.looking"))
    files = [] if seen.preview is None else [f for f in seen.preview.files if f.source == p.source]
    aside = [] if seen.preview is None else [a for a in seen.preview.aside if a.source == p.source]
    return Handed(
        id=_id(p.source),
        title=p.source,
        state=state,
        about=_about(page, p, looks),
        names=tuple(_name(f) for f in p.files),
        notices=tuple(_notices(page, seen, p, files, looks)),
        questions=questions,
        answered=tuple(Answered(id, ", ".join(v), id in seen.answers) for id, v in p.answered),
        columns=tuple(_columns(page, p, x) for x in looks[:1]),
        counts=_counts(page, files) if files else None,
        aside=_aside(page, aside) if aside else None,
        delivers=tuple(
            (name, say("add.deliver", source=seen.delivers[name][0], name=name, before=seen.delivers[name][1]))
            for name in (_name(f) for f in p.files)
            if name in seen.delivers
        ),
    )


def _looks(inspected: Inspected, p: Proposal) -> list[Look]:
    """The looks at a proposal's files: of an archive or a workbook the member or the sheet that it names."""
    said = yaml.safe_load(p.text) or {} if p.text else {}
    inside, sheet = str(said.get("inside", "*")), said.get("sheet", "")
    return [
        x
        for x in inspected.looks
        if x.path in p.files and (not x.member or fnmatchcase(x.member, inside)) and sheet in ("", x.sheet)
    ]


def _about(page: Page, p: Proposal, looks: Sequence[Look]) -> str:
    say, words = page.say, page.words
    rows = words.count(sum(x.rows for x in looks))
    exact = all(x.exact for x in looks)
    names = list(dict.fromkeys("/".join(n for n in (_name(x.path), x.member or x.sheet) if n) for x in looks))
    names = names or [_name(f) for f in p.files]
    told = [
        ", ".join(names[:3]) + (f" +{len(names) - 3}" if len(names) > 3 else ""),
        ", ".join(sorted({FORMATS.get(x.format, x.format) for x in looks})),
        say("add.rows" if exact else "add.rows_about", n=rows) if looks else "",
        say("add.recognised", shape=p.from_preset) if p.from_preset else "",
        say("add.feeds", tables=", ".join(t for t, _ in p.feeds)) if p.feeds else "",
    ]
    return " · ".join(t for t in told if t)


def _notices(page: Page, seen: Seen, p: Proposal, files: Sequence[LoadedFile], looks: Sequence[Look]) -> list[Notice]:
    say, words = page.say, page.words
    told = [Notice("info", note) for note in (*p.notes, *(w for x in looks for w in x.warnings))]
    told += [Notice("bad", f"{f.path.rpartition('/')[2]}: {f.reason}") for f in files if f.state in ("refused", "held")]
    told += [Notice("info", sentence(w.partition(": ")[2] or w)) for f in files for w in f.warnings]
    loaded = [f for f in files if f.state == "loaded"]
    if loaded and len(loaded) == len(files) and not any(f.quarantined for f in files):
        told.append(Notice("good", say("add.all_load", n=words.count(sum(f.data_rows for f in files)))))
    if p.state == "ready" and seen.too_large:
        told.append(Notice("info", say("add.too_large")))
    return told


def outlook(page: Page, seen: Seen) -> tuple[str, Table | None]:
    """How many KPIs the sources can answer then, and what would bring more."""
    say, words = page.say, page.words
    if seen.inspected is None:
        return "", None
    found = seen.inspected.outlook
    text = say("add.outlook", n=words.count(len(found.kpis)), of=words.count(found.of))
    heads = tuple(say(f"add.{h}") for h in ("missing", "exports", "waiting"))
    rows = tuple(
        (f"{m.table}.{m.column}" if m.column else m.table, ", ".join(m.exports), words.count(len(m.kpis)))
        for m in found.missing[:MOST_MISSING]
    )
    return text, Table(heads, rows, say("add.more"), frozenset({2})) if rows else None


def read_already(seen: Seen) -> list[tuple[str, str]]:
    """The uploaded files that a source reads, with the source."""
    found = () if seen.inspected is None else seen.inspected.proposals
    return [(_name(f), p.source) for p in found if p.state == "kept" for f in p.files]


# --- questions -------------------------------------------------------------------------------------------------------
def _question(page: Page, d: Doubt, given: Sequence[str], fault: str) -> Question:
    say = page.say
    chosen = set(given)
    few = len(d.answers) <= FOLDED_FROM
    choices = tuple(
        Possible(c.value, _label(page, c.value), c.about, c.value in chosen, few or i < FIRST or c.value in ALWAYS)
        for i, c in enumerate(d.answers)
    )
    own = say(f"add.own_{d.text.strip('=').lower()}") if d.text else ""
    typed = next((g for g in given if g not in {c.value for c in d.answers}), "")
    return Question(
        id=f"ask-{_id(d.id)}",
        name=ANSWER + d.id,
        text=f"{d.what[:1].upper()}{d.what[1:]} {d.example}".rstrip(),
        choices=choices,
        hint=d.do,
        several=d.several,
        own=own,
        own_name=OWN_WORDS + d.id,
        own_value=typed.removeprefix(CONSTANT),
        fault=fault,
    )


def _label(page: Page, value: str) -> str:
    return {LEAVE: page.say("add.leave"), OWN: page.say("add.own")}.get(value, value)


def answers_in(fields: Sequence[tuple[str, str]], seen: Seen) -> dict[str, tuple[str, ...]]:
    """The answers in the fields of a form; words of the reader's own come before a choice, and for a constant get its
    mark. A question without an answer is not in it."""
    proposals = () if seen.inspected is None else seen.inspected.proposals
    kinds = {d.id: d.text for p in proposals for d in p.doubts}
    found: dict[str, tuple[str, ...]] = {}
    for name, value in fields:
        text, id = value.strip(), name[len(ANSWER) :]
        if not text or id not in kinds:
            continue
        if name.startswith(ANSWER):
            found[id] = (*found.get(id, ()), text)
    for name, value in fields:
        text, id = value.strip(), name[len(OWN_WORDS) :]
        if name.startswith(OWN_WORDS) and text and id in kinds:
            found[id] = (text if kinds[id] != "=TEXT" or text.startswith(CONSTANT) else CONSTANT + text,)
    return found


# --- tables ----------------------------------------------------------------------------------------------------------
def _columns(page: Page, p: Proposal, look: Look) -> Table:
    say, words = page.say, page.words
    asked = {d.column for d in p.doubts if d.column}
    becomes = _becomes(p.text)
    heads = ("column", "samples", "becomes", "kind", "filled")
    rows = tuple(
        (
            Cell(c.name, missing=True) if not c.filled else c.name,
            ", ".join(c.samples[:SAMPLES]),
            _becoming(page, c.name, becomes, asked=c.name in asked),
            _kind(page, c),
            words.percent(c.filled / look.looked) if look.looked else "",
        )
        for c in look.columns
    )
    caption = say("add.columns")
    return Table(tuple(say(f"add.head_{h}") for h in heads), rows, caption, frozenset({4}))


def _kind(page: Page, column: LookedColumn) -> str:
    """The narrowest kind that fits; two words alone make no column a yes or no."""
    said = {value.casefold() for value, _ in column.values}
    kinds = [k for k in column.kinds if k != "boolean" or said <= YES_OR_NO]
    return page.say(f"add.kind_{kinds[0]}") if kinds else ""


def _becoming(page: Page, column: str, becomes: Mapping[str, Sequence[str]], *, asked: bool) -> str | Cell:
    if asked:
        return Cell(page.say("add.in_question"), kind="warn")
    if column in becomes:
        return ", ".join(becomes[column])
    return Cell(page.say("add.not_used"), missing=True) if becomes else ""


def _becomes(text: str) -> dict[str, list[str]]:
    """Which columns of which tables a header becomes, by what the source file says."""
    found: dict[str, list[str]] = {}
    content = yaml.safe_load(text) if text else None
    for table, mapping in ((content or {}).get("tables") or {}).items():
        for target, said in (mapping.get("columns") or {}).items():
            header = said.get("column") if isinstance(said, dict) else said
            for one in header if isinstance(header, list) else [header]:
                if isinstance(one, str):
                    found.setdefault(one, []).append(f"{table}.{target}")
    return found


def _counts(page: Page, files: Sequence[LoadedFile]) -> Table:
    say, words = page.say, page.words
    texts = ("data.file", "data.rows", "add.would_load", "data.collapsed", "data.set_aside", "add.skipped")
    heads = tuple(say(text) for text in texts)
    rows = tuple(
        (
            f.path.rpartition("/")[2],
            *(words.count(n) for n in (f.data_rows, f.loaded, f.collapsed)),
            Cell(words.count(f.quarantined), kind="warn") if f.quarantined else words.count(0),
            ", ".join(f"{kind.replace('_', ' ')} {words.count(n)}" for kind, n in f.skipped),
        )
        for f in files
    )
    return Table(heads, rows, say("add.counts"), frozenset({1, 2, 3, 4}))


def _aside(page: Page, groups: Sequence[Aside]) -> Table:
    say, words = page.say, page.words
    heads = (say("data.reason"), say("data.column"), say("data.count"), say("data.examples"))
    rows = tuple(
        (
            a.examples[0].reason if a.examples else a.code.replace("_", " "),
            a.column or say("data.whole_row"),
            words.count(a.count),
            ", ".join(say("data.row", row=words.count(e.row)) for e in a.examples),
        )
        for a in groups
    )
    return Table(heads, rows, say("data.aside"), frozenset({2}))


def _id(text: str) -> str:
    """A text as the id of a part of the page: letters and digits stay, whatever else becomes its number."""
    return "".join(c if c.isascii() and c.isalnum() else f"-{ord(c):x}-" for c in text)


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
