"""Rows that were set aside: written out to be mended, landed when they come back, and landed again when their file is
read anew. A correction is a batch of its own, so that the journal alone still says how everything came about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headwater.api.folder import Folder
from headwater.api.reports import LoadedFile
from headwater.api.standing import corrections, set_aside_still, settling, standing
from headwater.connectors.corrections import (
    Rejected,
    as_text,
    cells_of,
    content_of,
    forms_of,
    hash_of,
    leave_out_overtaken,
    read_corrected,
    rows_in,
    write_mended,
    write_rejected,
    write_rows,
)
from headwater.connectors.parse import mapping_hash, parse
from headwater.connectors.sources import chosen, load_sources
from headwater.errors import SourceError, WorkspaceError
from headwater.model.landing import Batch, Draft, Mended, Quarantined, Settled
from headwater.model.profile import Profile
from headwater.model.settings import Settings
from headwater.model.source import Source
from headwater.model.table import Table
from headwater.store.disk import discard
from headwater.store.journal import MENDED, QUARANTINE, entry_folders
from headwater.store.landing import (
    commit,
    journal,
    landed_files,
    mended_rows,
    profile_of,
    quarantine_rows,
    quarantined_in,
    stage,
)
from headwater.store.place import Store, open_store

MOST_TOLD = 5
UNKNOWN = "unknown_value"


@dataclass(frozen=True, slots=True)
class _Mending:
    """One row to land: the batch that set it aside, what that batch's file looked like, and the row as it is now."""

    batch: Batch
    profile: Profile
    mended: Mended


@dataclass(frozen=True, slots=True)
class Correcting:
    """The corrections of one source; inside `writing`."""

    folder: Folder
    store: Store
    source: Source
    tables: Mapping[str, Table]
    settings: Settings

    def rejected(self, path: Path) -> int:
        """Writes the rows of the source that are set aside still into a new file; how many."""
        entries = journal(self.store)
        of = [b for b in standing(entries, self.source.id) if any(set_aside_still(self._rows_of, entries, b))]
        profiles = {b.number: profile_of(self.store, b) for b in of}
        header = dict.fromkeys(h for p in profiles.values() if p is not None for h in p.header if h)

        def rows() -> Iterator[Rejected]:
            for batch in of:
                profile = profiles[batch.number]
                for q in set_aside_still(self._rows_of, entries, batch):
                    cells = cells_of(q.raw, profile) if profile is not None else None
                    told = (batch.number, self.folder.shown(batch.path), q.row, q.column, q.reason)
                    yield Rejected(*told, cells or {}, "" if cells is not None else q.raw)

        return write_rejected(path, tuple(header), rows)

    def corrected(self, path: Path) -> LoadedFile:
        """Lands the mended rows of a file; `unchanged` when each was landed before. Raises SourceError when a row names
        none that is set aside: then nothing is loaded."""
        handed = read_corrected(path)
        entries = journal(self.store)
        stand = standing(entries, self.source.id)
        meant = {row.row for row in handed}
        aside = {b.number: {q.row: q for q in self._rows_of(b) if q.row in meant} for b in stand if b.quarantined}
        settled = {b.number: settling(entries, b) for b in stand if b.quarantined}
        profiles = {b.number: profile_of(self.store, b) for b in stand if b.quarantined}
        texts: dict[int, dict[tuple[str, int], str]] = {}
        mendings: list[_Mending] = []
        faults: list[str] = []
        for row in handed:
            batch = self._batch_of(row, [b for b in stand if row.row in aside.get(b.number, ())])
            profile = profiles[batch.number] if batch is not None else None
            if batch is None or profile is None:
                faults.append(f"no row {row.row} of {row.file!r} is set aside")
                continue
            missing = [h for h in profile.header if h and h not in row.cells]
            if missing:
                faults.append(f"the column {missing[0]!r} of {row.file!r} is missing")
                break
            was = aside[batch.number][row.row]
            text = as_text(row.cells.get(h, "") for h in profile.header)
            if (before := settled[batch.number].get(row.row)) is not None:
                known = texts.setdefault(before.number, _texts(mended_rows(self.store, before)))
                if known.get((batch.content, row.row), text) != text:
                    faults.append(f"row {row.row} of {row.file!r} was corrected otherwise before")
                continue
            mendings.append(_Mending(batch, profile, Mended(0, batch.content, row.row, hash_of(was.raw), text)))
        if faults:
            what = "; ".join(faults[:MOST_TOLD]) + (" ..." if len(faults) > MOST_TOLD else "")
            raise SourceError(what, where=str(path), do="Nothing was loaded. Have the rows written out again.")
        return self._land(mendings, self.folder.shown(path)) or LoadedFile(
            self.source.id, self.folder.shown(path), "unchanged"
        )

    def again(self) -> Iterable[LoadedFile]:
        """Lands mended rows again where their file was read anew: by another mapping, or because it came again with the
        same faults."""
        entries = journal(self.store)
        made = corrections(entries, self.source.id)
        if not made:
            return
        by_row: dict[tuple[str, int], tuple[Batch, Mended]] = {}
        by_text: dict[str, tuple[Batch, Mended]] = {}
        for correction in made:
            for m in mended_rows(self.store, correction):
                by_row[m.content, m.of_row] = by_text[m.was] = (correction, m)
        mapping = mapping_hash(self.source, self.tables, self.settings)
        wanted: dict[str, list[_Mending]] = {}
        for batch in standing(entries, self.source.id):
            if not batch.quarantined:
                continue
            settled = settling(entries, batch)
            profile = profile_of(self.store, batch)
            for q in self._rows_of(batch):
                known = by_row.get((batch.content, q.row)) or by_text.get(hash_of(q.raw))
                in_force = q.row in settled and settled[q.row].mapping == mapping
                if known is None or profile is None or in_force or self._header_of(known[0]) != profile.header:
                    continue
                mended = Mended(0, batch.content, q.row, hash_of(q.raw), known[1].raw)
                wanted.setdefault(known[0].path, []).append(_Mending(batch, profile, mended))
        for path, mendings in wanted.items():
            if (file := self._land(mendings, self.folder.shown(path))) is not None:
                yield file

    def accepted(self) -> Iterable[LoadedFile]:
        """Lands the rows that were set aside because of texts that no earlier file had, as they are."""
        entries = journal(self.store)
        for batch in standing(entries, self.source.id):
            profile = profile_of(self.store, batch) if batch.quarantined else None
            mendings = []
            for q in set_aside_still(self._rows_of, entries, batch) if profile is not None else ():
                cells = cells_of(q.raw, profile) if profile is not None and q.code == UNKNOWN else None
                if cells is not None and profile is not None:
                    text = as_text(cells.get(h, "") for h in profile.header)
                    mended = Mended(0, batch.content, q.row, hash_of(q.raw), text)
                    mendings.append(_Mending(batch, profile, mended))
            if mendings and (file := self._land(mendings, self.folder.shown(batch.path))) is not None:
                yield file

    def _rows_of(self, batch: Batch) -> Iterator[Quarantined]:
        return quarantine_rows(self.store, batch)

    # --- landing -----------------------------------------------------------------------------------------------------
    def _batch_of(self, row: Rejected, among: Sequence[Batch]) -> Batch | None:
        """The batch that set a row aside: the load it names, else the last one of its file."""
        of_file = [b for b in among if self.folder.shown(b.path) == row.file]
        named = [b for b in of_file if b.number == row.load]
        return next(reversed(named or of_file), None)

    def _header_of(self, correction: Batch) -> tuple[str, ...]:
        profile = profile_of(self.store, correction)
        return profile.header if profile is not None else ()

    def _land(self, mendings: Sequence[_Mending], shown: str) -> LoadedFile | None:
        """Lands rows as one correction for each batch that set some aside; None for no row. Rows that cannot be loaded
        stay set aside where they are."""
        by_batch: dict[int, list[_Mending]] = {}
        for m in mendings:
            by_batch.setdefault(m.batch.number, []).append(m)
        done = [self._land_of(some, shown) for _, some in sorted(by_batch.items())]
        return _together(done) if done else None

    def _land_of(self, mendings: Sequence[_Mending], shown: str) -> LoadedFile:
        header, forms = mendings[0].profile.header, forms_of(mendings[0].profile)
        rows = [(m.batch.number, replace(m.mended, row=i)) for i, m in enumerate(mendings, start=1)]
        plain = replace(
            self.source,
            format="csv",
            encoding="utf-8",
            separator=",",
            quote='"',
            skip_rows=0,
            header_row=1,
            totals=(),
            sheet="",
            inside="",
            records="",
            load="incremental",
            on_bad_rows="quarantine",
        )
        typed, staged = stage(self.store), stage(self.store)
        try:
            file = typed / "rows.csv"
            write_rows(file, header, (m for _, m in rows))
            now = self.folder.now()
            draft = parse(plain, file, self.tables, staged, self.settings, now, written=forms)
            skipped = dict(draft.skipped)
            if draft.data_rows + skipped.get("not_meant", 0) != len(rows):
                what = "some of the rows are no rows of the file any more (blank, or a line of totals)"
                raise SourceError(what, where=shown, do="Nothing was loaded. Have the rows written out again.")
            bad = {q.row: q for q in quarantined_in(staged)}
            settles = tuple(Settled(number, m.content, m.of_row) for number, m in rows if m.row not in bad)
            if not settles:
                return self._none(shown, list(bad.values()))
            draft = self._without_overtaken(staged, draft, mendings[0].batch)
            (staged / QUARANTINE).unlink(missing_ok=True)
            write_mended(staged / MENDED, [m for _, m in rows if m.row not in bad])
            draft = replace(
                draft,
                path=shown,
                content=content_of(header, rows),
                mapping=mapping_hash(self.source, self.tables, self.settings),
                data_rows=draft.data_rows - len(bad),
                quarantined=0,
                examples=(),
            )
            batch = commit(self.store, staged, draft, now, settles=settles)
            landed: Batch | Draft = batch or draft
            return LoadedFile(
                source=self.source.id,
                path=shown,
                state="unchanged" if batch is None else "loaded",
                data_rows=landed.data_rows,
                loaded=landed.loaded,
                quarantined=len(bad),
                collapsed=landed.collapsed,
                skipped=landed.skipped,
                warnings=tuple(w for w in landed.warnings if not w.startswith("unmapped_columns")),
                examples=tuple(replace(q, raw="") for q in list(bad.values())[:MOST_TOLD]),
                corrects=len(settles),
            )
        finally:
            discard(typed)
            discard(staged)

    def _none(self, shown: str, bad: Sequence[Quarantined]) -> LoadedFile:
        reason = f"None of the {len(bad):,} rows can be loaded yet; the first: {bad[0].reason}."
        return LoadedFile(self.source.id, shown, "refused", reason=reason)

    def _without_overtaken(self, staged: Path, draft: Draft, of: Batch) -> Draft:
        """The draft without rows whose key a later delivery of the source (or a correction of one) holds: that says how
        things are since. A source that says when its rows changed needs no such care."""
        entries = journal(self.store)
        later = [b for b in standing(entries, self.source.id) if b.number > of.number]
        numbers = {b.number for b in later}
        later += [c for c in corrections(entries, self.source.id) if any(s.batch in numbers for s in c.settles)]
        before = frozenset[int]().union(*(rows_in(staged / t.file) for t in draft.tables))
        tables = []
        for landed in draft.tables:
            table = self.tables[landed.table]
            if not landed.has_updated_at:
                files = [f for b in later for f in landed_files(self.store, b, landed.table)]
                gone = leave_out_overtaken(staged / landed.file, table.key, files) if files else 0
                tables.append(replace(landed, rows=landed.rows - gone))
            else:
                tables.append(landed)
        left = frozenset[int]().union(*(rows_in(staged / t.file) for t in draft.tables))
        overtaken = len(before) - len(left)
        if not overtaken:
            return replace(draft, tables=tuple(tables))
        skipped = {**dict(draft.skipped), "overtaken": overtaken}
        return replace(
            draft,
            tables=tuple(tables),
            loaded=draft.loaded - overtaken,
            data_rows=draft.data_rows - overtaken,
            skipped=tuple(sorted(skipped.items())),
        )


def rejected(folder: Folder, name: str, path: Path) -> int:
    """Writes the rows of a source that are set aside still into a new file, without landing anything; how many. Raises
    QueryError for a source that is none, WorkspaceError when data was loaded or erased meanwhile."""
    company = folder.company()
    catalogue = folder.catalogue(company)
    (source,) = chosen(load_sources(folder.path, catalogue.tables), (name,))
    store = open_store(folder.store)
    before = entry_folders(store)
    count = Correcting(folder, store, source, catalogue.tables, company.settings).rejected(path)
    if entry_folders(store) != before:
        path.unlink()
        raise WorkspaceError("the data changed while the rows were read", where=folder.shown(path), do="Try again.")
    return count


def _texts(rows: Sequence[Mended]) -> dict[tuple[str, int], str]:
    return {(m.content, m.of_row): m.raw for m in rows}


def _together(done: Sequence[LoadedFile]) -> LoadedFile:
    """What became of one file that is several corrections."""
    if len(done) == 1:
        return done[0]
    state = next((s for s in ("loaded", "refused") if any(f.state == s for f in done)), "unchanged")
    skipped: dict[str, int] = {}
    for kind, count in (pair for f in done for pair in f.skipped):
        skipped[kind] = skipped.get(kind, 0) + count
    return replace(
        done[0],
        state=state,
        data_rows=sum(f.data_rows for f in done),
        loaded=sum(f.loaded for f in done),
        quarantined=sum(f.quarantined for f in done),
        collapsed=sum(f.collapsed for f in done),
        skipped=tuple(sorted(skipped.items())),
        warnings=tuple(dict.fromkeys(w for f in done for w in f.warnings)),
        examples=tuple(q for f in done for q in f.examples)[:MOST_TOLD],
        corrects=sum(f.corrects for f in done),
        reason=" ".join(f.reason for f in done if f.reason) if state == "refused" else "",
    )
