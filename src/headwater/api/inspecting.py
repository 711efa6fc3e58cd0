"""The verb `inspect`: looks at files, proposes sources, asks what is not certain, and writes what is answered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from textwrap import wrap
from typing import Any

from headwater.api import founding, show
from headwater.api.answer import Listing, Tabular
from headwater.api.computable import Outlook, feeds_of, missing_text, outlook
from headwater.api.drafting import Draft, Ground
from headwater.api.fitting import known_values
from headwater.api.folder import SHIPPED, Folder
from headwater.api.founding import CURRENCY, ZONE, replace_text
from headwater.api.grouping import Group, grouped, together
from headwater.api.overlaps import matches_of, rivals, with_copies, with_systems
from headwater.api.proposing import finished, propose
from headwater.api.questions import Book, read_answers
from headwater.api.source_text import answers_text, is_as_proposed, marked, table_text
from headwater.connectors.files import find
from headwater.connectors.inspect import Wanted, look
from headwater.connectors.presets import load_presets
from headwater.connectors.sources import load_sources
from headwater.errors import QueryError, SourceError, WorkspaceError, in_words
from headwater.model.catalogue import Catalogue
from headwater.model.look import LEAVE, OWN, Doubt, Look, Proposal, Unread
from headwater.model.observation import Rows
from headwater.model.source import Source

COMPANY = "company"
"""The source of doubts about the company itself."""

ANSWERS = "answers.yml"
"""Where the answers of a workspace are kept."""

ENDINGS = (
    ".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".parquet", ".pq", ".json", ".ndjson", ".jsonl", ".zip", ".gz",
)  # fmt: skip
_HEAD = """\
# What Headwater asked about the files of this workspace, and the answers. To answer a question, put the answer behind
# its line, take away the mark before it, and run 'headwater inspect FILE... --write' again.
"""


FEW = 30
"""So many sources that nothing recognises are asked about; of more there is a list."""

SEVERAL = (".zip", ".xlsx", ".xlsm")
"""Files that may hold several tables: one that is read already may hold another that is not."""

MOST_FILES = 2_000
SHOWN_ANSWERS = 8
SHOWN_LEFT = 6


@dataclass(frozen=True, slots=True, repr=False)
class Inspected(Tabular):
    """What files are, the sources proposed for them, and the doubts only the user can settle.

    `looks` show every table looked at, `unread` the files that could not be; `proposals` are the sources; `doubts` are
    open, those that block most first. `unused` are answers that no doubt asked for. `outlook` is what can be computed
    once the sources that are ready are loaded, with those that stand. `texts` are the files of the proposals that are
    ready, by their path in the workspace.
    """

    proposals: tuple[Proposal, ...]
    looks: tuple[Look, ...]
    unread: tuple[Unread, ...]
    doubts: tuple[Doubt, ...]
    unused: tuple[str, ...]
    outlook: Outlook
    written: bool = False
    texts: tuple[tuple[str, str], ...] = ()

    @property
    def listing(self) -> Listing:
        """One row a column of a file: its source, what it shows, what it becomes, and what is asked about it."""
        names = ("source", "state", "path", "column", "kinds", "samples", "filled", "doubts")
        rows = []
        for p in self.proposals:
            seen = next((look for look in self.looks if look.path in p.files), None)
            for c in seen.columns if seen is not None else ():
                ids = tuple(d.id for d in p.doubts if d.column == c.name)
                rows.append((p.source, p.state, p.path, c.name, c.kinds, c.samples, c.filled, ids))
        return Listing(Rows(names, tuple(rows), "one column of a file"))

    def to_json(self) -> str:
        """The same as one JSON object."""
        told = {
            "sources": [asdict(p) for p in self.proposals],
            "files": [asdict(replace(look, sketch=())) for look in self.looks],
            "unread": [asdict(u) for u in self.unread],
            "doubts": [asdict(d) for d in self.doubts],
            "unused_answers": self.unused,
            "outlook": asdict(self.outlook),
            "written": self.written,
        }
        return json.dumps(told, ensure_ascii=False, indent=1)

    def to_text(self) -> str:
        """The sources with what they feed, the questions with their answers, and what could not be read."""
        return "\n".join(self._lines())

    def __repr__(self) -> str:
        return self.to_text()

    def outlook_text(self) -> str:
        """What can be computed, what is missing, and which export would supply it."""
        can, missing = self.outlook.kpis, self.outlook.missing
        lines = [f"What can be computed: {len(can)} of {self.outlook.of} KPIs"]
        lines += wrap(", ".join(can), show.PAGE_WIDTH, initial_indent="  ", subsequent_indent="  ")
        if missing:
            lines += ["", "What is missing, and who exports it", missing_text(missing)]
        return "\n".join(lines)

    def of(self, state: str) -> tuple[Proposal, ...]:
        """The proposals in a state."""
        return tuple(p for p in self.proposals if p.state == state)

    # --- for people --------------------------------------------------------------------------------------------------
    def _lines(self) -> Iterator[str]:
        known = [p for p in self.proposals if p.state in ("ready", "open", "kept")]
        if known:
            heads = ["source", "files", "rows", "feeds", "state"]
            yield show.table(heads, [self._cells(p) for p in known], frozenset({2}))
        for p in known:
            yield from (show.harmless(f"note: {p.source}: {n}") for n in p.notes)
        yield from self._questions()
        left = self.of("left")
        if left:
            yield ""
            names = [show.harmless(p.path) for p in left[:SHOWN_LEFT]]
            more = f" and {len(left) - SHOWN_LEFT} more" if len(left) > SHOWN_LEFT else ""
            yield f"Left out, {len(left)}: {', '.join(names)}{more}"
        unknown = self.of("unrecognised")
        if unknown:
            yield ""
            yield f"Not recognised, {len(unknown)} (to load one: --answer ID=TABLE, or ID=own for a table of its own):"
            for p in unknown:
                likely = next((d.answers[:3] for d in p.doubts if d.id.endswith(".table")), ())
                yield show.harmless(f"  {p.source}.table  {p.path} ({', '.join(c.value for c in likely)} ...)")
        for u in self.unread:
            place = f"{u.path} ({u.member})" if u.member else u.path
            yield show.harmless(f"UNREAD {place}: {in_words(u.what, u.do)}")
        if self.unused:
            yield f"answers that nothing asked for: {', '.join(map(show.harmless, self.unused))}"
        yield from self._next()

    def _cells(self, p: Proposal) -> list[str]:
        rows = "" if p.state == "kept" else f"{p.rows:,}" if p.exact else f"about {p.rows:,}"
        files = p.path if len(p.files) == 1 else f"{p.path} ({len(p.files)} files)"
        feeds = ", ".join(f"{t} ({len(c)})" for t, c in p.feeds)
        asked = f"{len(p.doubts)} question{'s' if len(p.doubts) != 1 else ''}"
        state = {"ready": "written" if p.written else "ready", "kept": "stands already"}.get(p.state, asked)
        return [p.source, files, rows, feeds, state]

    def _questions(self) -> Iterator[str]:
        told: set[str] = set()
        if company := [d for d in self.doubts if d.source == COMPANY]:
            yield ""
            yield "company: headwater.yml"
            for d in company:
                yield from doubt_lines(d)
        for p in self.of("open"):
            fresh = [d for d in p.doubts if d.id not in told]
            told.update(d.id for d in fresh)
            if not fresh:
                continue
            yield ""
            recognised = f", recognised as {p.from_preset}" if p.from_preset else ""
            yield show.harmless(f"{p.source}: {p.path}{recognised}")
            for d in fresh:
                yield from doubt_lines(d)

    def _next(self) -> Iterator[str]:
        if self.doubts:
            yield ""
            count = f"{len(self.doubts)} question{'s are' if len(self.doubts) > 1 else ' is'} open"
            yield f"{count}. Answer with --answer ID=VALUE (an ID may have *), or in {ANSWERS}."
        elif not self.written and self.of("ready"):
            yield ""
            yield "Everything is clear: run it again with --write, then 'headwater refresh'."


def doubt_lines(doubt: Doubt) -> Iterator[str]:
    """A doubt for people: its id, the question, and the answers there are."""
    yield show.harmless(f"  {doubt.id}")
    yield show.harmless(f"      {doubt.what} {doubt.example}".rstrip())
    yield show.harmless(f"      {_options(doubt)}")


def _options(doubt: Doubt, *, bare: bool = False) -> str:
    """The answers of a doubt on one line: the likeliest, those that stand for every column, and how many more. What is
    told about them may hold values of the file, so what is written has them `bare`."""
    told = [f"{c.value} ({c.about})" if c.about and len(doubt.answers) <= 4 else c.value for c in doubt.answers]
    told = [c.value for c in doubt.answers] if bare else told
    more = len(told) - SHOWN_ANSWERS
    last = [t for t in told[SHOWN_ANSWERS:] if t in (LEAVE, OWN, "keep", "empty", "aside")]
    text = ", ".join([*told[:SHOWN_ANSWERS], *last]) + (f" and {more - len(last)} more" if more > len(last) else "")
    return text + (f", or {doubt.text}" if doubt.text else "")


# --- the verb --------------------------------------------------------------------------------------------------------
def inspect(
    folder: Folder,
    files: Sequence[str | Path],
    answers: Mapping[str, str | Sequence[str]] | None = None,
    *,
    write: bool = False,
    tell: Any = None,
) -> Inspected:
    """What the files are, with a source proposed for each; with `write` the sources (and what answers there are) are
    written into the workspace, and the open ones carry their doubts.

    A folder stands for every file in it whose name ends like a table's. No file of `sources/` is written over, but one
    that was proposed, has open doubts and was not edited. Raises QueryError for an answer that does not fit and for
    files that are not there, DefinitionError for a source file that is wrong.
    """
    paths = _files(folder, files)
    company = folder.company()
    catalogue = folder.catalogue(company)
    standing = load_sources(folder.path, catalogue.tables)
    given = _answers(folder, answers)
    if founding.answer(folder.path, company.settings, given, write=write):
        given = {id: value for id, value in given.items() if id not in (CURRENCY.id, ZONE.id)}
        company = folder.company()
    settled = [s for s in standing.values() if not _is_open(folder, s)]
    known = _known_files(folder, settled)
    fresh = [p for p in paths if p not in known or p.suffix.lower() in SEVERAL]
    found = look([Wanted(p) for p in fresh], tell=tell)
    looks = [
        (p, x)
        for p, some in zip(fresh, found, strict=True)
        for x in some
        if isinstance(x, Look) and not any(_reads(s, x) for s in known.get(p, ()))
    ]
    unread = tuple(x for some in found for x in some if isinstance(x, Unread))
    presets = load_presets(catalogue.tables)
    alone = {p for p, some in zip(fresh, found, strict=True) if len(some) == 1}
    groups = with_copies(grouped(looks, folder.path, folder.environment, [s.id for s in settled], alone))
    groups = _looked_again(groups, given, tell)
    ground = Ground(catalogue.tables, known_values(catalogue), matches_of(groups, presets), company.settings)
    book, drafts = _drafted(ground, groups, given)
    if any(d.asked_for for d in drafts):
        groups = _counted(groups, drafts)
        book, drafts = _drafted(ground, groups, given)
    book.raise_faults()
    with_systems(drafts, settled, catalogue.tables)
    few = sum(map(_is_undecided, drafts)) <= FEW
    proposals = [finished(d, _state(d, few)) for d in drafts]
    proposals += [_kept(s, p, folder) for p in paths for s in known.get(p, ())]
    proposals = _one_each(proposals)
    if write:
        proposals = _written(folder, catalogue, proposals, drafts, given)
    standing_feeds = [_feed(t) for s in settled for t in s.tables]
    shown = tuple(x for g in groups for x in g.looks)
    return Inspected(
        tuple(sorted(proposals, key=lambda p: p.source)),
        shown,
        unread,
        tuple({d.id: d for p in proposals if p.state == "open" for d in p.doubts}.values()),
        _unused(book, answers or {}, proposals),
        outlook(catalogue, [*standing_feeds, *feeds_of(proposals)], presets),
        write,
        tuple(_texts(folder, proposals, drafts, ("ready",)).items()),
    )


def _feed(mapping: Any) -> tuple[str, tuple[str, ...]]:
    return mapping.table, tuple(c.target for c in mapping.columns)


def _answers(folder: Folder, answers: Mapping[str, str | Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    """The answers kept in the workspace, and over them those that are given."""
    kept = folder.path / ANSWERS
    found = read_answers(kept, ANSWERS) if kept.exists() else {}
    for id, value in (answers or {}).items():
        found[id] = (value,) if isinstance(value, str) else tuple(value)
    return found


def _unused(book: Book, given: Mapping[str, object], proposals: Sequence[Proposal]) -> tuple[str, ...]:
    """Answers that no doubt asked for, of those given now and those kept for a source that is still open: what settled
    a source that stands is asked no more."""
    still = {p.source for p in proposals if p.state == "open"}
    return tuple(id for id in book.unused if id in given or id.partition(".")[0] in still)


def _files(folder: Folder, files: Sequence[str | Path]) -> list[Path]:
    """The files named, and those in the folders named; relative names are looked for here, then in the workspace."""
    found: dict[Path, None] = {}
    for name in files:
        path = Path(name).expanduser()
        if not path.is_absolute() and not path.exists():
            path = folder.path / path
        path = path.resolve() if path.exists() else path
        if path.is_dir():
            some = sorted(p for p in path.rglob("*") if _is_table(p, path))
            if not some:
                raise QueryError(f"no file in {str(name)!r} has a name like a table's", do="Name the files themselves.")
            found.update(dict.fromkeys(some))
        elif path.is_file():
            found[path] = None
        else:
            raise QueryError(f"there is no file {str(name)!r}", do="Check the path.")
    if not found:
        raise QueryError("no file is named", do="Name files or folders, such as 'headwater inspect exports/'.")
    if len(found) > MOST_FILES:
        raise QueryError(f"{len(found):,} files are named", do=f"Name at most {MOST_FILES:,} at a time.")
    return list(found)


def _is_table(path: Path, within: Path) -> bool:
    hidden = any(part.startswith((".", "~$")) for part in path.relative_to(within).parts)
    return path.is_file() and path.suffix.lower() in ENDINGS and not hidden


def _reads(source: Source, look: Look) -> bool:
    """Whether a source that reads a file reads this table of it."""
    name = look.member.rpartition("/")[2]
    if look.sheet:
        return source.sheet in ("", look.sheet)
    return not source.inside or any(fnmatchcase(n, source.inside) for n in (look.member, name))


def _known_files(folder: Folder, sources: Iterable[Source]) -> dict[Path, list[Source]]:
    """The files that sources read already."""
    found: dict[Path, list[Source]] = {}
    for source in sources:
        try:
            for path in find(source, folder.path, folder.environment):
                found.setdefault(path.resolve(), []).append(source)
        except SourceError:
            continue  # its files are not there: it reads none of those named
    return found


def _is_open(folder: Folder, source: Source) -> bool:
    """Whether a source is a proposal with doubts that nobody edited, so that answers may replace it."""
    if not source.doubts:
        return False
    return is_as_proposed((folder.path / source.file).read_text(encoding="utf-8"))


def _looked_again(groups: Sequence[Group], answers: Mapping[str, tuple[str, ...]], tell: Any) -> tuple[Group, ...]:
    """The groups, those anew whose answered encoding is another than the one they were looked at with."""
    made = []
    for group in groups:
        answer = answers.get(f"{group.id}.encoding") or ()
        if answer and group.look.encodings and answer[0] != group.look.encoding:
            found = look([Wanted(p, {"encoding": answer[0]}) for p in group.files], tell=tell)
            looks = tuple(
                replace(x, encodings=group.look.encodings) for some in found for x in some if isinstance(x, Look)
            )
            group = replace(group, looks=looks, look=together(looks)) if looks else group  # noqa: PLW2901
        made.append(group)
    return tuple(made)


def _drafted(
    ground: Ground, groups: Sequence[Group], answers: Mapping[str, tuple[str, ...]]
) -> tuple[Book, list[Draft]]:
    book = Book(answers)
    which = rivals(groups, ground.matches)
    return book, [propose(ground, book, g, which.get(g.id)) for g in groups]


def _counted(groups: Sequence[Group], drafts: Sequence[Draft]) -> tuple[Group, ...]:
    """The groups with the repetitions of the keys that their drafts asked for."""
    wanted: list[Wanted] = []
    for d in drafts:
        if d.asked_for:
            said = _said(d.group)
            wanted += [Wanted(p, said, d.asked_for) for p in d.group.files]
    found = iter(look(wanted))
    made = []
    for group, d in zip(groups, drafts, strict=True):
        if d.asked_for:
            counts = [
                next((x.repeats for x in next(found) if isinstance(x, Look) and _same(x, old)), ())
                for old in group.looks
            ]
            looks = tuple(replace(x, repeats=n) for x, n in zip(group.looks, counts, strict=True))
            group = replace(group, looks=looks, look=together(looks))  # noqa: PLW2901
        made.append(group)
    return tuple(made)


def _same(one: Look, other: Look) -> bool:
    return (one.sheet, one.member) == (other.sheet, other.member)


def _said(group: Group) -> dict[str, Any]:
    look = group.look
    return {"encoding": look.encoding} if look.encodings else {}


def _state(draft: Draft, few: bool) -> str:
    if draft.left:
        return "left"
    if _is_undecided(draft) and not few:
        return "unrecognised"
    return "open" if draft.open else "ready"


def _is_undecided(draft: Draft) -> bool:
    """Whether it is not even known which table the files feed."""
    return any(d.id == f"{draft.group.id}.table" for d in draft.open)


def _kept(source: Source, path: Path, folder: Folder) -> Proposal:
    return Proposal(source.id, folder.shown(path), (str(path),), "kept", feeds=tuple(_feed(t) for t in source.tables))


def _one_each(proposals: Iterable[Proposal]) -> list[Proposal]:
    """One proposal a source: files that one standing source reads stand together."""
    found: dict[str, Proposal] = {}
    for p in proposals:
        before = found.get(p.source)
        found[p.source] = replace(before, files=(*before.files, *p.files)) if before is not None else p
    return list(found.values())


# --- writing ---------------------------------------------------------------------------------------------------------
def _written(
    folder: Folder,
    catalogue: Catalogue,
    proposals: Sequence[Proposal],
    drafts: Sequence[Draft],
    answers: Mapping[str, tuple[str, ...]],
) -> list[Proposal]:
    """The proposals, with the files that were written; each is checked before the first is."""
    texts = _texts(folder, proposals, drafts, ("ready", "open"))
    for name, text in texts.items():
        path = folder.path / name
        if path.exists() and not (is_as_proposed(path.read_text(encoding="utf-8"))) and path.read_text("utf-8") != text:
            raise WorkspaceError(
                f"'{name}' is there and was not proposed",
                where=str(folder.path),
                do="Rename it, or move it away, and inspect again: nothing is written over it.",
            )
    _check(folder, catalogue, texts)
    try:
        for name, text in texts.items():
            replace_text(folder.path / name, text)
        _keep_answers(folder, proposals, answers)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise WorkspaceError(f"the proposals cannot be written ({why})", where=str(folder.path)) from error
    names = {p.source: (f"sources/{p.source}.yml", *(n for n, _ in p.own)) for p in proposals}
    return [replace(p, written=names[p.source]) if p.state in ("ready", "open") else p for p in proposals]


def _texts(
    folder: Folder, proposals: Sequence[Proposal], drafts: Sequence[Draft], states: Sequence[str]
) -> dict[str, str]:
    """The files of the proposals in these states, and of the own columns of all that are settled."""
    texts: dict[str, str] = {}
    for p in proposals:
        if p.state in states:
            texts[f"sources/{p.source}.yml"] = p.text
            texts |= dict(p.own)
    return texts | _extended(folder, drafts)


def _extended(folder: Folder, drafts: Sequence[Draft]) -> dict[str, str]:
    """The files of own columns of canonical tables, from all sources that add to them: those that were proposed before
    and nobody edited keep the columns they have."""
    import yaml

    columns: dict[str, dict[str, Any]] = {}
    for d in drafts:
        if not d.left and not d.open:
            for table, own in d.extends.items():
                columns.setdefault(table, {}).update(own)
    made = {}
    for table, fresh in columns.items():
        path = folder.path / "tables" / f"{table}.yml"
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        own = ((yaml.safe_load(before) or {}).get("columns") or {} if is_as_proposed(before) else {}) | fresh
        splits = [c for c, spec in own.items() if spec["type"] in ("text", "boolean")]
        content = {"extend": table, "columns": own, **({"splits": {"was": splits}} if splits else {})}
        made[f"tables/{table}.yml"] = marked(table_text(content))
    return made


def _check(folder: Folder, catalogue: Catalogue, texts: Mapping[str, str]) -> None:
    """Raises DefinitionError when the workspace with these files would be wrong."""
    import shutil
    import tempfile

    from headwater.metrics.catalogue import load_catalogue

    with tempfile.TemporaryDirectory(prefix="headwater-inspect-") as place:
        there = Path(place)
        for name in ("tables", "measures", "kpis"):
            if (folder.path / name).is_dir():
                shutil.copytree(folder.path / name, there / name)
        for name, text in texts.items():
            replace_text(there / name, text)
        own = any(name.startswith("tables/") for name in texts)
        tables = load_catalogue(SHIPPED, there, None).tables if own else catalogue.tables
        load_sources(there, tables)


def _keep_answers(folder: Folder, proposals: Sequence[Proposal], answers: Mapping[str, tuple[str, ...]]) -> None:
    """Adds to the workspace's answers those that were given now, and the open questions as comments to fill in."""
    path = folder.path / ANSWERS
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    kept = read_answers(path, ANSWERS) if path.exists() else {}
    fresh = {id: value for id, value in answers.items() if kept.get(id) != value}
    if changed := [id for id in fresh if id in kept]:
        raise QueryError(
            f"{ANSWERS} says otherwise of {', '.join(changed)}",
            do=f"Change the answer in {ANSWERS}, and inspect again.",
        )
    asked = [d for p in proposals if p.state == "open" for d in p.doubts if f"# {d.id}:" not in text]
    if not fresh and not asked:
        return
    parts = [text if not text or text.endswith("\n") else f"{text}\n"]
    if not text:
        parts.append(_HEAD)
    parts.append(answers_text(fresh))
    for d in dict.fromkeys(asked):
        parts.append(f"\n# {show.harmless(d.what)}\n# one of: {show.harmless(_options(d, bare=True))}\n# {d.id}:\n")
    replace_text(path, "".join(parts))
