"""A subject taken out of everything that is kept, and the source files that still hold it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headwater.api.bringing import brought
from headwater.api.folder import Folder
from headwater.api.loading import Progress, rebuild
from headwater.connectors.files import find
from headwater.connectors.parse import held
from headwater.connectors.sources import load_sources
from headwater.errors import QueryError, SourceError, WorkspaceError
from headwater.metrics.render import render
from headwater.model.settings import Settings
from headwater.store import erase as store_erase
from headwater.store.lock import writing
from headwater.store.place import Store, open_store


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: rows dropped from loads, rows set aside that were dropped, rows that stay with `[erased]` in
    a text, data versions rewritten (old, new), and the data version that is current now.

    `holding` are source files that still hold the subject, and `elsewhere` files under `.headwater` that do: a person
    must see to them. `unread` could not be looked through.
    """

    rows: int
    quarantined: int
    changed: int
    generations: tuple[tuple[str, str], ...]
    current: str
    holding: tuple[str, ...]
    elsewhere: tuple[str, ...]
    unread: tuple[str, ...]

    def to_text(self) -> str:
        """The report for people."""
        if self.rows or self.quarantined or self.changed:
            parts = [
                f"erased {self.rows:,} rows and {self.quarantined:,} rows set aside; "
                f"{self.changed:,} rows stay with the subject replaced by [erased]",
                f"rewrote {len(self.generations)} data version{'s' if len(self.generations) != 1 else ''}; "
                f"data version {self.current} is current now",
            ]
        else:
            parts = ["nothing that is kept here held the subject; later loads leave it out all the same"]
        if self.holding:
            parts.append("These source files still hold the subject. See to them yourself:")
            parts += [f"  {name}" for name in self.holding]
        if self.elsewhere:
            parts.append("These files under .headwater hold it too and are not Headwater's to change:")
            parts += [f"  {name}" for name in self.elsewhere]
        if self.unread:
            parts.append("These source files could not be looked through:")
            parts += [f"  {name}" for name in self.unread]
        return "\n".join(parts)


def _still_held(store: Store, settings: Settings, tell: Progress) -> WorkspaceError | None:
    """Why an engine that keeps tables of its own still holds the subject; None where it does not."""
    do = "Run 'headwater refresh' until it says nothing of this: the engine's older tables are removed then."
    try:
        done = brought(store, settings, tell)
    except WorkspaceError as error:
        return WorkspaceError(
            f"the subject is erased from everything kept here, but not from the engine: {error.what}",
            where=error.where,
            do=do,
        )
    if done is None or done.gone:
        return None
    return WorkspaceError("the subject is erased, but the engine's older tables, which hold it, are being read", do=do)


def erase(folder: Folder, subjects: Sequence[str], tell: Progress) -> Erased:
    """Erases the subject that is known by these texts, builds the tables without it, and looks through the sources."""
    texts = tuple(dict.fromkeys(text.strip() for text in subjects if text.strip()))
    if not texts:
        raise QueryError("nobody was named", do="Name the subject by its e-mail address or its id.")
    company = folder.company()
    catalogue = folder.catalogue(company)
    sources = load_sources(folder.path, catalogue.tables)
    store = open_store(folder.store)
    with writing(store, "erase"):
        tell("Erasing", 0, 0)
        done = store_erase.erase(store, texts, folder.now(), render, memory_mb=company.settings.memory_mb)
        tell("Building tables", 0, 0)
        generation = rebuild(folder, store, catalogue, company.settings)
        still = _still_held(store, company.settings, tell)
    holding: list[str] = []
    unread: list[str] = []
    paths: list[Path] = []
    for source in sources.values():
        try:
            paths += find(source, folder.path, folder.environment)
        except SourceError as error:
            unread.append(f"source {source.id}: {error.what}")
    for i, path in enumerate(dict.fromkeys(paths)):
        tell(f"Looking through {path.name}", i, len(paths))
        with tempfile.TemporaryDirectory(dir=store.scratch) as staged:
            holds = held(path, texts, Path(staged))
        match holds:
            case True:
                holding.append(folder.shown(path))
            case None:
                unread.append(folder.shown(path))
            case False:
                pass
    if still is not None:
        raise still
    return Erased(
        rows=done.rows,
        quarantined=done.quarantined,
        changed=done.changed,
        generations=done.generations,
        current=generation.id,
        holding=tuple(holding),
        elsewhere=tuple(folder.shown(p) for p in done.elsewhere),
        unread=tuple(unread),
    )
