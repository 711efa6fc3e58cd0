"""Generations: immutable manifests over immutable parts, one of which is current, pinned by those who read it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Event, Semaphore, Thread, Timer
from typing import TYPE_CHECKING, Any, TypeVar

from headwater.errors import EngineError, NotKeptError, StoppedError, WorkspaceError
from headwater.model.generation import Generation
from headwater.model.plan import Col, Named, Statement
from headwater.model.settings import FILES, Settings
from headwater.model.types import Type, parse_type
from headwater.store.disk import discard, discard_folder, publish_folder, refusals, replace_file, temporary, write_bytes
from headwater.store.lock import must_write
from headwater.store.parts import check_parts
from headwater.store.place import FORMAT, Store
from headwater.store.records import canonical, from_json, to_json
from headwater.store.scratch import scratch_if_possible
from headwater.store.told import Told
from headwater.store.turns import Cores

if TYPE_CHECKING:
    import pyarrow

    from headwater.store.engines.connecting import Engine
    from headwater.store.engines.view import View

MANIFEST = "manifest.json"
KEPT = "kept.json"
NOTE = "candidate.json"

Columns = tuple[tuple[str, Type], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the store itself needs to know of a stored table: its columns, and what its logical digest is made of."""

    columns: Columns = ()
    digest: tuple[Named, ...] = ()


class Shapes(Mapping[str, Shape]):
    """Shapes by table, read from their JSON when asked for: most readers ask for none."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = dict(data)

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> Shapes:
        """Shapes as JSON values; a column of the digest that is just a column is its name."""
        return cls(
            {
                table: {
                    "columns": [[name, str(type_)] for name, type_ in shape.columns],
                    "digest": [n.name if n.value == Col(n.name) else to_json(n) for n in shape.digest],
                }
                for table, shape in sorted(shapes.items())
            }
        )

    def __getitem__(self, table: str) -> Shape:
        data = self.data[table]
        return Shape(
            tuple((name, parse_type(type_)) for name, type_ in data["columns"]),
            tuple(Named(n, Col(n)) if isinstance(n, str) else from_json(Named, n) for n in data["digest"]),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A generation as it is stored."""

    generation: Generation
    shapes: Shapes


V = TypeVar("V")

_MANY = 12
"""Fewer statements than these are not looked through for what they share."""


class Reader:
    """One generation, pinned: its rows stay there and stay the same for as long as this is open.

    Not for two threads at once, but for `stop` and `another`. `until`: the reading of the monotonic clock at which
    a statement is stopped (None: never). `turns`: what a statement waits for before it runs, so that not all of many
    readers compute at once. `cores`: whether a second statement may run beside the first. `told`: what was answered, by
    this reader or others of the same generation. `instead`: why the files are read here, and not the engine that the
    settings name.
    """

    def __init__(
        self,
        manifest: Manifest,
        engine: Engine,
        until: float | None = None,
        turns: Semaphore | None = None,
        instead: EngineError | None = None,
        lost: Event | None = None,
        cores: Cores | None = None,
        told: Told | None = None,
    ) -> None:
        self._manifest = manifest
        self._own = self._engine = engine
        self._until = until
        self._turns, self._cores = turns, cores
        self.instead = instead
        self._lost = lost or Event()
        self._runs = False
        self._watch: Timer | None = None
        self._beside: Reader | None = None
        self._told = told or Told()

    @property
    def generation(self) -> Generation:
        """The generation that is pinned; its id is the data version of every answer from it."""
        return self._manifest.generation

    @property
    def spelling(self) -> str:
        """Whose spellings the statements are to be rendered in."""
        return self._engine.spelling

    @property
    def engine(self) -> str:
        """What answers, as it calls itself."""
        return self._engine.version

    @property
    def lost(self) -> bool:
        """Whether the engine has left this reader, or another of the same, without an answer."""
        return self._lost.is_set()

    def columns(self, table: str) -> Columns:
        """The columns of a stored table, () for one that was never built."""
        return self._manifest.shapes.get(table, Shape()).columns

    def rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """The rows of a statement that is spelled for this reader's engine. One that was answered is not run again,
        where its rows are few: they are the same."""
        text = self._text(statement)
        told = self._answered(text)
        return self._ran(text) if told is None else told

    def all_rows(self, statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
        """The rows of each statement, as `rows`. Two of them run at once where nobody else asks and there is a second
        core for it; what then fails first in their order is raised."""
        texts = [self._text(s) for s in statements]
        found = {text: rows for text in dict.fromkeys(texts) if (rows := self._answered(text)) is not None}
        found |= self._each([text for text in dict.fromkeys(texts) if text not in found], Reader._ran)
        return [found[text].copy() for text in texts]

    def all_columnar(self, statements: Sequence[Statement]) -> list[list[pyarrow.ChunkedArray]]:
        """The columns of the rows of each statement, for what goes through many rows; none where there are no rows and
        another engine than the one inside answers. Two run at once as with `all_rows`."""
        texts = [self._text(s) for s in statements]
        found = self._each(list(dict.fromkeys(texts)), Reader._columns)
        return [found[text] for text in texts]

    def _answered(self, text: str) -> list[tuple[Any, ...]] | None:
        """The rows of a statement that was answered, None after a stop, when nothing is told any more."""
        return None if self._left() == 0.0 else self._told.get(text)

    def _ran(self, text: str) -> list[tuple[Any, ...]]:
        with self._in_time():
            try:
                found = self._engine.rows(text)
            except EngineError:
                self._lost.set()
                raise
        self._told.keep(text, found)
        return found

    def _columns(self, text: str) -> list[pyarrow.ChunkedArray]:
        from headwater.store.engines.duckdb import QueryConnection

        if isinstance(self._engine, QueryConnection):
            with self._in_time():
                return list(self._engine.arrow(text).columns)
        import pyarrow as pa

        told = self._answered(text)
        rows = self._ran(text) if told is None else told
        return [pa.chunked_array([pa.array(column)]) for column in zip(*rows, strict=True)]

    def _each(self, texts: Sequence[str], run: Callable[[Reader, str], V]) -> dict[str, V]:
        """What each statement gives, by its text."""
        beside = self._second() if len(texts) > 1 else None
        return {text: run(self, text) for text in texts} if beside is None else self._in_two(beside, texts, run)

    def _second(self) -> Reader | None:
        """What runs statements beside this reader, in its time; None where one at a time is better: others ask too,
        there is no second core, or these statements read what was put together for this connection alone."""
        from headwater.store.engines.duckdb import QueryConnection

        if self._cores is None or not self._cores.spare or self._engine is not self._own:
            return None
        if self._beside is None and isinstance(self._own, QueryConnection):
            with self._in_time():  # from here on somebody watches over the time of both
                engine = self._own.another()
            beside = Reader(self._manifest, engine, self._until, self._turns, self.instead, self._lost, told=self._told)
            beside._watch = self._watch
            self._beside = beside
            if self._until == 0.0:  # stopped while it was opened
                beside._until = 0.0
        return self._beside

    def _in_two(self, beside: Reader, texts: Sequence[str], run: Callable[[Reader, str], V]) -> dict[str, V]:
        """As `_each`: this reader takes one after the other, those with most to plan first,
        and another one takes from them too for as long as there is a core for it."""
        assert self._cores is not None
        cores, waiting = self._cores, deque(sorted(texts, key=len, reverse=True))
        found: dict[str, V] = {}
        failed: dict[str, BaseException] = {}

        def take(reader: Reader) -> None:
            while waiting and (reader is self or cores.spare):
                try:
                    text = waiting.popleft()
                except IndexError:
                    return  # the other one was quicker
                try:
                    found[text] = run(reader, text)
                except BaseException as error:
                    failed[text] = error
                    waiting.clear()

        thread = Thread(target=take, args=(beside,), name="beside", daemon=True)
        thread.start()
        take(self)
        thread.join()
        if failed:
            raise next(failed[text] for text in texts if text in failed)
        return found

    def arrow(self, statement: Statement) -> pyarrow.Table:
        """The rows of a statement as an Arrow table; only over the stored files."""
        from headwater.store.engines.duckdb import QueryConnection

        if not isinstance(self._engine, QueryConnection):
            raise ValueError("only the engine inside gives Arrow tables: pin with the engine 'duckdb'")
        with self._in_time():
            return self._engine.arrow(self._text(statement))

    def hold(self, most: int) -> int:
        """Takes tables of the generation into memory for all its readers, the smallest first, together at most so many
        stored bytes; how many there are. None where another engine than the one inside answers."""
        from headwater.store.engines.duckdb import QueryConnection

        if not isinstance(self._engine, QueryConnection):
            return 0
        with self._in_time():
            return self._engine.hold(most)

    @contextmanager
    def sharing(self, statements: Sequence[Statement]) -> Iterator[None]:
        """For the block these statements are cheaper together: what several of them read is read once, where the engine
        inside answers."""
        from headwater.store.engines.duckdb import QueryConnection

        own, texts = self._engine, [text for s in statements if (text := self._text(s)) not in self._told]
        if len(texts) < _MANY or not isinstance(own, QueryConnection):
            yield
            return
        with ExitStack() as block:
            with self._in_time():
                self._engine = block.enter_context(own.sharing(texts))
            try:
                yield
            finally:
                self._engine = own

    def _text(self, statement: Statement) -> str:
        if statement.engine != self.spelling:
            raise ValueError(f"this statement is spelled for {statement.engine!r}, and {self.spelling!r} is asked")
        return statement.text

    def stop(self) -> None:
        """Stops what runs now and refuses what comes, from another thread; nothing runs when this returns."""
        self._until = 0.0
        if self._beside is not None:
            self._beside._until = 0.0
        while running := [r for r in (self, self._beside) if r is not None and r._runs]:
            for reader in running:
                reader._engine.interrupt()  # again and again: one that comes just before a statement begins is lost
            time.sleep(0.005)

    def unwatch(self) -> None:
        """Ends the watch over the time, when nothing is asked any more."""
        if self._watch is not None:
            self._watch.cancel()

    @contextmanager
    def another(
        self, until: float | None = None, turns: Semaphore | None = None, cores: Cores | None = None
    ) -> Iterator[Reader]:
        """A reader of the same generation for one more thread, for the block; it reads no longer than this one, and
        each knows what the other was answered."""
        with ExitStack() as block:
            engine = self._engine.another()
            block.callback(engine.close)
            if cores is not None:
                block.enter_context(cores.asked())
            reader = Reader(self._manifest, engine, until, turns, self.instead, self._lost, cores, self._told)
            block.callback(reader.unwatch)
            try:
                yield reader
            finally:
                if reader._beside is not None:
                    reader._beside._engine.close()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Waits for a turn, and interrupts the statement of the block when the time is up. Raises StoppedError, then or
        where there is no time left."""
        if self._turns is not None and not self._turns.acquire(timeout=self._left()):
            raise StoppedError()
        self._runs = True
        try:
            left = self._left()
            if left is not None:
                if not left:
                    raise StoppedError()
                if self._watch is None:  # one for all statements: a thread for each would cost as much as a short one
                    self._watch = Timer(left, self.stop)
                    self._watch.daemon = True
                    self._watch.start()
            yield
        finally:
            self._runs = False
            if self._turns is not None:
                self._turns.release()

    def _left(self) -> float | None:
        """Seconds until the time is up, None for ever."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())


def current(store: Store) -> Generation | None:
    """The generation readers get, None before the first build."""
    manifest = current_manifest(store)
    return manifest.generation if manifest else None


def resolved(store: Store, generation_id: str = "") -> str:
    """The id under which a generation is read now (default: the current one), '' before the first build. Whether it is
    still kept is for `pinned` to say."""
    id_ = generation_id or _current_id(store)
    return _manifest_path(store, id_).parent.name if id_ else ""


def current_manifest(store: Store) -> Manifest | None:
    """The current generation as it is stored, None before the first build."""
    id_ = _current_id(store)
    return read_manifest(store, id_) if id_ else None


@contextmanager
def pinned(store: Store, generation_id: str = "", settings: Settings | None = None) -> Iterator[Reader]:
    """A reader of one generation (default: the current one) over the engine that the settings name, or over the files
    where that one does not answer or lacks this generation; it is not collected while the block runs.

    Raises WorkspaceError when nothing was built yet or the generation is no longer kept, QueryError when the driver of
    the engine is not installed.
    """
    limits = settings or Settings()
    handle, manifest = _pin(store, generation_id)
    try:
        with scratch_if_possible(store) as spill:
            engine, instead = _engine(store, manifest, limits, spill)
            try:
                yield Reader(manifest, engine, instead=instead)
            finally:
                engine.close()
    finally:
        os.close(handle)


def _engine(
    store: Store, manifest: Manifest, settings: Settings, spill: Path | None
) -> tuple[Engine, EngineError | None]:
    """An engine that reads a generation, and why it is not the one of the settings (None: it is)."""
    instead = None
    if settings.engine != FILES:
        from headwater.store.engines.connecting import connect

        try:
            chosen = connect(settings.engine, memory_mb=settings.memory_mb, threads=settings.threads, scratch=spill)
            try:
                chosen.attach(views_of(store, manifest, told=True), manifest.generation.id)
            except BaseException:
                chosen.close()
                raise
            return chosen, None
        except EngineError as error:
            instead = error
    from headwater.store.engines.duckdb import QueryConnection

    views = views_of(store, manifest)
    return QueryConnection(views, memory_mb=settings.memory_mb, threads=settings.threads, scratch=spill), instead


def views_of(store: Store, manifest: Manifest, *, told: bool = False) -> dict[str, View]:
    """What each table name of a generation stands for; the columns of tables with rows are `told` to engines that do
    not take them from the files."""
    from headwater.store.engines.view import View

    views: dict[str, View] = {}
    for table in manifest.generation.tables:
        known = told or not table.parts
        columns = manifest.shapes.get(table.table, Shape()).columns if known else ()
        if table.parts:
            files = tuple(store.parts / part.file for part in table.parts)
            views[table.table] = View(columns, files, check=check_parts)
        elif columns:
            views[table.table] = View(columns)
    return views


def publish(store: Store, candidate: Generation) -> Generation:
    """Makes a candidate the current generation, durable when this returns; with its id.

    Raises WorkspaceError when it was not built on the generation that is current now, or lacks a part.
    """
    must_write(store)
    now_current = current_manifest(store)
    parent = now_current.generation.id if now_current else ""
    if candidate.parent != parent:
        raise WorkspaceError(
            f"the tables were built on generation '{candidate.parent}', but '{parent}' is current now",
            where=str(store.root),
            do="Run 'headwater refresh' again.",
        )
    for table in candidate.tables:
        for part in table.parts:
            _check_part(store.parts / part.file, part.bytes)
    known = (now_current.shapes.data if now_current else {}) | _read_note(store)
    shapes = {t.table: known[t.table] for t in candidate.tables if t.table in known}
    published = write_manifest(store, Manifest(candidate, Shapes(shapes)))
    set_current(store, published.id)
    forget_shapes(store)
    return published


def write_manifest(store: Store, manifest: Manifest) -> Generation:
    """Writes a generation's manifest, named by the hash of its content; the generation with that id."""
    generation = to_json(replace(manifest.generation, id=""))
    content = canonical({"format": FORMAT, "generation": generation, "shapes": manifest.shapes.data})
    id_ = _id_of(content)
    final = store.generations / id_
    if not final.is_dir():
        draft = temporary(store.generations)
        with refusals(store.generations):
            try:
                draft.mkdir()
                write_bytes(draft / MANIFEST, content)
                publish_folder(draft, final)
            except BaseException:
                discard(draft)
                raise
    return replace(manifest.generation, id=id_)


def set_current(store: Store, id_: str) -> None:
    """Makes the generation current for everybody who pins from now on."""
    with refusals(store.current):
        replace_file(store.current, f"{id_}\n".encode())


def rollback(store: Store, to: str = "") -> Generation:
    """The kept generation that is current from now on (default: the parent of the current one); the next build starts
    from it. The journal is not changed: a refresh brings back what the tables lack."""
    must_write(store)
    now_current = current(store)
    target = to or (now_current.parent if now_current else "")
    if not target:
        raise WorkspaceError("there is no earlier generation to go back to", where=str(store.root))
    generation = read_manifest(store, target).generation
    for table in generation.tables:
        for part in table.parts:
            _check_part(store.parts / part.file, part.bytes)
    set_current(store, generation.id)
    return generation


def read_manifest(store: Store, id_: str) -> Manifest:
    """A kept generation. Raises WorkspaceError when it is not kept, damaged, or made by a newer version."""
    path = _manifest_path(store, id_)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _not_kept(store, id_) from None
    except OSError as error:
        raise _damaged(path) from error
    return _parsed(content, path)


def generation_ids(store: Store) -> tuple[str, ...]:
    """The ids of all kept generations, oldest first."""
    return tuple(m.generation.id for m in kept_manifests(store))


def kept_manifests(store: Store) -> tuple[Manifest, ...]:
    """All kept generations, oldest first."""
    found: list[tuple[datetime, int, str, Manifest]] = []
    for folder in folders(store):
        if _alias_of(folder) is None:
            manifest = read_manifest(store, folder.name)
            written = (folder / MANIFEST).stat().st_mtime_ns
            found.append((manifest.generation.built_at, written, folder.name, manifest))
    return tuple(manifest for *_, manifest in sorted(found, key=lambda f: f[:3]))


def note_shape(store: Store, table: str, shape: Shape) -> None:
    """Remembers until `publish` what the build said of a table of its candidate."""
    must_write(store)
    noted = _read_note(store) | Shapes.of({table: shape}).data
    with refusals(store.root):
        (store.root / NOTE).write_bytes(canonical(noted))


def forget_shapes(store: Store) -> None:
    """Forgets what an earlier build said of a candidate that was never published."""
    discard(store.root / NOTE)


def _read_note(store: Store) -> dict[str, Any]:
    try:
        return dict(json.loads((store.root / NOTE).read_bytes()))
    except (OSError, ValueError):
        return {}


# --- collecting -------------------------------------------------------------------------------------------------------

KEEP_LAST = 3


def collect(store: Store, now: datetime) -> tuple[str, ...]:
    """Ids of the generations that were let go; then parts that nobody refers to are removed.

    Kept: the current one and the two it was built on, the last three, the last of each month, those somebody keeps
    (`keep`) and those a reader holds. One that was built after `now` stays too: the clock was set back.
    """
    must_write(store)
    kept_generations = [m.generation for m in kept_manifests(store)]
    ids = [g.id for g in kept_generations]
    kept = set(ids[-KEEP_LAST:]) | set(_lineage(store, KEEP_LAST)) | set(kept_by_somebody(store))
    kept |= set({g.built_at.strftime("%Y-%m"): g.id for g in kept_generations}.values())
    gone = tuple(g.id for g in kept_generations if g.id not in kept and g.built_at <= now and _let_go(store, g.id))
    finish_rewrites(store)
    _forget_dead_aliases(store)
    remove_unreferenced(store)
    return gone


def _lineage(store: Store, length: int) -> tuple[str, ...]:
    """The current generation, the one it was built on, and so on, as far as they are kept."""
    ids: list[str] = []
    generation = current(store)
    while generation is not None and len(ids) < length:
        ids.append(generation.id)
        path = _manifest_path(store, generation.parent) if generation.parent else None
        generation = read_manifest(store, generation.parent).generation if path and path.exists() else None
    return tuple(ids)


def remove_unreferenced(store: Store) -> tuple[Path, ...]:
    """Parts that no kept generation refers to, which are gone now."""
    must_write(store)
    orphans = unreferenced(store)
    with refusals(store.parts):
        for path in orphans:
            path.unlink(missing_ok=True)
    return orphans


def unreferenced(store: Store) -> tuple[Path, ...]:
    """Parts that no kept generation refers to: a build failed, or its generation was let go."""
    manifests = [*kept_manifests(store), *(read for _, read in _rewritten(store))]
    used = {part.file for m in manifests for table in m.generation.tables for part in table.parts}
    if not store.parts.is_dir():
        return ()
    return tuple(sorted(p for p in store.parts.iterdir() if not p.name.startswith(".") and p.name not in used))


def keep(store: Store, id_: str, reason: str) -> None:
    """Keeps a generation until `release`, whatever its age: a report, a decision or a user refers to it."""
    must_write(store)
    id_ = read_manifest(store, id_).generation.id
    _write_kept(store, kept_by_somebody(store) | {id_: reason})


def release(store: Store, id_: str) -> None:
    """Ends `keep`; the next `collect` decides."""
    must_write(store)
    _write_kept(store, {kept: reason for kept, reason in kept_by_somebody(store).items() if kept != id_})


def kept_by_somebody(store: Store) -> dict[str, str]:
    """Why generations are kept that age would let go, by id."""
    try:
        data = json.loads((store.root / KEPT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(store.root / KEPT) from error
    return {str(id_): str(reason) for id_, reason in data.items()}


def _write_kept(store: Store, kept: Mapping[str, str]) -> None:
    with refusals(store.root):
        replace_file(store.root / KEPT, json.dumps(kept, ensure_ascii=False, indent=1).encode())


def _let_go(store: Store, id_: str) -> bool:
    """Whether the generation could be removed: not while a reader holds it."""
    path = store.generations / id_ / MANIFEST
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with refusals(path):
            discard_folder(path.parent)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


# --- rewriting --------------------------------------------------------------------------------------------------------

ALIAS = "alias"


def alias(store: Store, old: str, new: str) -> None:
    """From now on whoever asks for generation `old` gets `new`, which was written in its place; what still reads `old`
    can go on until `finish_rewrites` finds it free."""
    must_write(store)
    if _current_id(store) == old:
        set_current(store, new)
    kept = kept_by_somebody(store)
    if old in kept:
        _write_kept(store, {new if id_ == old else id_: reason for id_, reason in kept.items()})
    with refusals(store.generations):
        replace_file(store.generations / old / ALIAS, f"{new}\n".encode())


def finish_rewrites(store: Store) -> tuple[str, ...]:
    """Removes the manifests of generations that live on under another id and are read by nobody; ids of the others."""
    must_write(store)
    waiting = []
    for path, _ in _rewritten(store):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with refusals(path):
                path.unlink()
        except BlockingIOError:
            waiting.append(path.parent.name)
        finally:
            os.close(handle)
    return tuple(waiting)


def _rewritten(store: Store) -> tuple[tuple[Path, Manifest], ...]:
    """Manifests that have an alias and are not yet removed."""
    paths = [folder / MANIFEST for folder in folders(store) if _alias_of(folder) is not None]
    return tuple((path, _parsed(path.read_bytes(), path)) for path in paths if path.exists())


def _forget_dead_aliases(store: Store) -> None:
    for folder in folders(store):
        dead = _alias_of(folder) is not None and not _manifest_path(store, folder.name).exists()
        if dead and not (folder / MANIFEST).exists():
            with refusals(folder):
                discard_folder(folder)


def folders(store: Store) -> tuple[Path, ...]:
    """The folders of all generations, by id; those that live on under another id, too."""
    if not store.generations.is_dir():
        return ()
    return tuple(sorted(path for path in store.generations.iterdir() if not path.name.startswith(".")))


# --- pinning ----------------------------------------------------------------------------------------------------------


def _pin(store: Store, generation_id: str) -> tuple[int, Manifest]:
    """A shared lock on a manifest that is still in its place, and what it says."""
    deadline = time.monotonic() + 5.0
    while True:
        id_ = generation_id or _current_id(store)
        if not id_:
            raise WorkspaceError(
                "nothing was built here yet", where=str(store.root), do="Run 'headwater refresh' to build the tables."
            )
        path = _manifest_path(store, id_)
        handle = _held(store, path)
        if handle is not None:
            try:
                with os.fdopen(os.dup(handle), "rb") as file:
                    return handle, _parsed(file.read(), path)
            except BaseException:
                os.close(handle)
                raise
        if generation_id and not path.parent.exists():
            raise _not_kept(store, generation_id)
        if time.monotonic() > deadline:
            raise _damaged(path)
        time.sleep(0.001)


def _held(store: Store, path: Path) -> int | None:
    """A shared lock on the file, None when it is gone or being collected just now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _damaged(path) from error
    try:
        _lock_shared(store, handle, path)
        here, there = os.fstat(handle), path.stat()
        if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _lock_shared(store: Store, handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if not store.network:  # there nobody writes, so nothing is collected
            raise _damaged(path) from error


def _current_id(store: Store) -> str:
    try:
        return store.current.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _damaged(store.current) from error


def _manifest_path(store: Store, id_: str) -> Path:
    """Where the manifest of a generation lies, by way of its alias when it was rewritten."""
    if not id_.isalnum():
        raise _not_kept(store, id_)
    for _ in range(1000):
        alias = _alias_of(store.generations / id_)
        if alias is None:
            break
        id_ = alias
    return store.generations / id_ / MANIFEST


def _alias_of(folder: Path) -> str | None:
    """The id under which a rewritten generation lives on, None for one that is itself."""
    try:
        return (folder / ALIAS).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


def _id_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _parsed(content: bytes, path: Path) -> Manifest:
    """The manifest in a folder that is named by the hash of these bytes."""
    try:
        data = json.loads(content)
        number = int(data["format"])
        if number <= FORMAT:
            if _id_of(content) != path.parent.name:
                raise ValueError("checksum")
            generation = replace(from_json(Generation, data["generation"]), id=path.parent.name)
            return Manifest(generation, Shapes(data["shapes"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error
    raise WorkspaceError(
        f"this generation has format {number}, which a newer Headwater made; this one reads up to {FORMAT}",
        where=str(path),
        do="Upgrade Headwater.",
    )


def _check_part(path: Path, size: int) -> None:
    try:
        whole = path.stat().st_size == size
    except OSError:
        whole = False
    if not whole:
        raise WorkspaceError(
            f"the stored file '{path.name}' is missing or cut short",
            where=str(path.parent),
            do="Run 'headwater doctor'.",
        )


def _not_kept(store: Store, id_: str) -> NotKeptError:
    return NotKeptError(
        f"the generation '{id_}' is not kept (any more)",
        where=str(store.generations),
        do="Ask without a generation to read the current one.",
    )


def _damaged(path: Path) -> WorkspaceError:
    return WorkspaceError(
        f"the stored file '{path.name}' is missing or damaged",
        where=str(path),
        do="Run 'headwater doctor', which says what to do.",
    )
