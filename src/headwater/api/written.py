"""Definition files that people make on the page: drafted and looked at first, then written, and nothing lost by it."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from headwater.api.boards import board as board_of
from headwater.api.boards import boards
from headwater.api.folder import SHIPPED, Folder
from headwater.api.grouping import slug
from headwater.errors import DefinitionError, Fault, QueryError, WorkspaceError
from headwater.files.append import Item, appended, item_text, quoted
from headwater.files.read import read, validate
from headwater.metrics.boards import FOLDER, read_boards
from headwater.metrics.entries import ID, Entry
from headwater.metrics.formula import find, resolve
from headwater.metrics.kpis import build_kpis
from headwater.metrics.lint import lint
from headwater.metrics.measures import base_units
from headwater.metrics.shapes import KpiShape
from headwater.metrics.units import unit_of
from headwater.model.board import FIRST, Plot
from headwater.model.catalogue import Catalogue
from headwater.model.expression import Binary, Name
from headwater.model.types import ONE, Unit
from headwater.store.disk import replace_file, sync_folder, temporary, write_bytes

KPIS = "kpis"
LONGEST = 60
"""So many letters the name of a file made from a title may have."""

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""What file systems answer that cannot give a file a second name."""

_writing = Lock()


@dataclass(frozen=True, slots=True)
class Draft:
    """A file of the workspace as it would be: its path there, its id, its text, what stands in its place now ('':
    nothing), and what is worth a second look in it."""

    path: str
    id: str
    text: str
    before: str = ""
    notes: tuple[Fault, ...] = ()


# --- boards ----------------------------------------------------------------------------------------------------------
def board_draft(folder: Folder, catalogue: Catalogue, plot: Plot, board: str = "", title: str = "") -> Draft:
    """The file of a board with one more chart: of an own board, every other byte as it stands; of a shipped one, a copy
    of it for the workspace; without `board`, a new one of that title.

    Raises QueryError where no board can be made of it or its file cannot be extended without touching the rest (the
    lines to add stand in `do`), DefinitionError where the file is wrong before or after.
    """
    if board == FIRST:
        raise QueryError("the first page has tiles alone", where="board", do="Take another board, or a new one.")
    item = _item(plot)
    if not board:
        draft = _new_board(folder, catalogue, item, title)
    else:
        known = board_of(folder, catalogue, board)
        path = f"{FOLDER}/{known.id}.yml"
        text = _text((folder.path if known.own else SHIPPED) / path)
        made = appended(text, "charts", item)
        if made is None:
            lines = f"charts:\n{item_text(item, 2)}"
            do = f"Add these lines to the file by hand:\n{lines}"
            raise QueryError("the file is written in a way that only a person can extend", where=path, do=do)
        draft = Draft(path, known.id, made, text if known.own else "")
    _check_board(catalogue, draft)
    return draft


def _item(plot: Plot) -> Item:
    told: dict[str, str | tuple[str, ...]] = {"kpis": plot.kpis}
    parts = {"title": plot.title, "show": plot.show, "by": plot.by, "grain": plot.grain, "filter": plot.filter}
    return told | {name: value for name, value in parts.items() if value}


def _new_board(folder: Folder, catalogue: Catalogue, item: Item, title: str) -> Draft:
    title = " ".join(title.split())
    id = _id_of(title, "a board")
    known = boards(folder, catalogue)
    taken = {*known.boards, *(Path(path).stem for path in known.faults)}
    path = f"{FOLDER}/{id}.yml"
    if id in taken or (folder.path / path).exists():
        raise QueryError(f"there is a board {id!r} already", where="title", do="Choose it, or give another title.")
    return Draft(path, id, f"title: {quoted(title)}\ncharts:\n{item_text(item, 2)}")


def _check_board(catalogue: Catalogue, draft: Draft) -> None:
    with TemporaryDirectory() as place:
        file = Path(place) / draft.path
        file.parent.mkdir()
        file.write_text(draft.text, encoding="utf-8")
        faults = read_boards(Path(place) / "none", Path(place), catalogue).faults
    if faults:
        raise DefinitionError.of(f for found in faults.values() for f in found)


# --- KPIs ------------------------------------------------------------------------------------------------------------
def kpi_draft(
    folder: Folder,
    catalogue: Catalogue,
    top: str,
    bottom: str,
    title: str,
    *,
    question: str = "",
    better: str = "up",
    pitfall: str = "",
) -> Draft:
    """The file of an own KPI: one KPI for another, its unit by the unit algebra, with what the linter says of it.

    Raises QueryError for a title that is no name or is taken, DefinitionError where no KPI can be made of the two.
    """
    over, under = resolve(catalogue, top), resolve(catalogue, bottom)
    for name, asked in ((top, over), (bottom, under)):
        if asked.formula is None:
            why = f"cannot be reckoned yet: {asked.needs}" if asked.needs else "is the answer of an analysis"
            raise QueryError(f"{name!r} {why}", where="kpi", do="Take another variant.")
    title = " ".join(title.split())
    id = _id_of(title, "a KPI")
    path = f"{KPIS}/{id}.yml"
    if id in catalogue.kpis or id in catalogue.measures or (folder.path / path).exists():
        raise QueryError(f"there is a KPI or measure {id!r} already", where="title", do="Give it another title.")
    names = _spelled(catalogue, top), _spelled(catalogue, bottom)
    formula = Binary("/", Name(names[0]), Name(names[1]))
    units = dict(zip(names, (over.variant.unit, under.variant.unit), strict=True))
    unit = unit_of(formula, units.__getitem__)
    told = {
        "title": quoted(title),
        "question": quoted(" ".join(question.split()) or f"How does {over.kpi.title} compare with {under.kpi.title}?"),
        "formula": f"{names[0]} / {names[1]}",
        "unit": str(unit),
        "show": _show(unit),
        "better": better,
        "stage": over.kpi.stage,
        "role": "efficiency",
        "basis": "cohort" if "cohort" in (over.variant.basis, under.variant.basis) else "period",
        "cadence": "monthly",
        "group": "own",
        "vanity": "low",
        "pair": _spelled(catalogue, top),
        "reference": quoted(f"Own definition: {over.kpi.title} for {under.kpi.title}."),
    }
    text = "".join(f"{key}: {value}\n" for key, value in told.items())
    if said := " ".join(pitfall.split()):
        text += f"pitfalls:\n  - {quoted(said)}\n"
    draft = Draft(path, id, text)
    return Draft(path, id, text, notes=_check_kpi(catalogue, draft))


def _spelled(catalogue: Catalogue, name: str) -> str:
    """A KPI as a formula names it: a measure of the same name would win, so the variant is named where it differs."""
    kpi, variant = find(catalogue, name)
    short = kpi.id if variant.id == kpi.default else f"{kpi.id}.{variant.id}"
    same = variant.formula == Name(short)
    return short if short not in catalogue.measures or same else f"{kpi.id}.{variant.id}"


def _show(unit: Unit) -> str:
    if unit == ONE:
        return "percent"
    if ("money", 1) in unit.powers:
        return "money"
    return "days" if unit == Unit.of(day=1) else "number"


def _check_kpi(catalogue: Catalogue, draft: Draft) -> tuple[Fault, ...]:
    """What the linter says of a draft, without the worked example that it cannot have. Raises DefinitionError."""
    with TemporaryDirectory() as place:
        file = Path(place) / f"{draft.id}.yml"
        file.write_text(draft.text, encoding="utf-8")
        document, faults = read(file, draft.path)
    shape = None
    if document is not None:
        shape, more = validate(document, KpiShape)
        faults += more
    if document is None or shape is None or faults:
        raise DefinitionError.of(faults)
    entry = Entry(draft.id, document, shape, True)
    tables, measures = dict(catalogue.tables), dict(catalogue.measures)
    made, wrong = build_kpis([entry], frozenset(), tables, measures, base_units(tables), beside=catalogue.kpis)
    kpi = made[draft.id]
    if wrong or kpi is None:
        raise DefinitionError.of(wrong)
    alone = Catalogue(catalogue.tables, catalogue.measures, {**catalogue.kpis, draft.id: kpi}, catalogue.hash)
    return tuple(f for f in lint(alone) if f.path == draft.path and f.key != "example")


# --- writing ---------------------------------------------------------------------------------------------------------
def write(folder: Folder, draft: Draft) -> Path:
    """Writes a draft into the workspace. Raises QueryError where something else stands there than when it was drafted,
    or a link that leads elsewhere, WorkspaceError where the place cannot be written."""
    path = folder.path / draft.path
    moved = QueryError("the file has changed since", where=draft.path, do="Look at it again, then save once more.")
    with _writing:
        try:
            path.parent.mkdir(exist_ok=True)
            if path.is_symlink():
                raise QueryError("the file is a link to another", where=draft.path, do="Write into that one by hand.")
            if draft.before:
                if not path.is_file() or _text(path) != draft.before:
                    raise moved
                replace_file(path, draft.text.encode(), path.stat().st_mode & 0o777)
            else:
                try:
                    _create(path, draft.text.encode())
                except FileExistsError:
                    raise moved from None
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
            what = f"the file cannot be written ({why})"
            raise WorkspaceError(what, where=draft.path, do="Mend the folder.") from error
    return path


def _create(path: Path, content: bytes) -> None:
    """A new file, whole from the moment it is seen (or from the next on, where a file cannot have a second name);
    FileExistsError where there is one."""
    fresh = temporary(path.parent)
    try:
        write_bytes(fresh, content)
        try:
            os.link(fresh, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            write_bytes(path, content)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
    sync_folder(path.parent)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise QueryError("the file is no UTF-8 text", where=path.name, do="Save it as UTF-8.") from None


def _id_of(title: str, what: str) -> str:
    id = slug(title, "")[:LONGEST].strip("_")
    if not title or not ID.fullmatch(id):
        do = "Give it a title with letters of A to Z in it; the file is named after it."
        raise QueryError(f"{title!r} cannot name {what}", where="title", do=do)
    return id
