"""The presets: vendors' files as they are documented, read from `catalogue/presets/`, and the shapes a header fits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from headwater.connectors.currencies import CODES
from headwater.connectors.sources import Texts, check_mapping
from headwater.errors import DefinitionError, Fault
from headwater.files.read import Definition, Document, read, validate
from headwater.model.preset import CURRENCY_PLACE, EITHER, Ask, Preset, Reference, Shape, headers_of
from headwater.model.table import Table
from headwater.model.types import Kind

FOLDER = Path(__file__).resolve().parent.parent / "catalogue" / "presets"

Said = Annotated[str, Field(min_length=1)]


class _Ask(Definition):
    column: Said
    what: Said


class _Reference(Definition):
    url: Annotated[str, Field(pattern=r"https://\S+")]
    says: Said


class _Shape(Definition):
    title: Said
    kind: Literal["download", "table"]
    headers: Annotated[tuple[Said, ...], Field(min_length=1)]
    tables: dict[str, Any] = Field(default_factory=dict)
    file: str = ""
    words: dict[str, dict[str, Texts]] = Field(default_factory=dict)
    source: dict[str, Any] = Field(default_factory=dict)
    ignores: Texts = ()
    once: str = ""
    about: str = ""
    asks: tuple[_Ask, ...] = ()


class _Preset(Definition):
    title: Said
    about: Said
    references: Annotated[tuple[_Reference, ...], Field(min_length=1)]
    shapes: Annotated[dict[str, _Shape], Field(min_length=1)]
    system: str = ""


def load_presets(tables: Mapping[str, Table], folder: Path = FOLDER) -> dict[str, Preset]:
    """The presets of a folder by id (the file's name); raises DefinitionError with every fault of every file."""
    presets: dict[str, Preset] = {}
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.yml")):
        name = f"{folder.name}/{path.name}"
        document, found = read(path, name)
        faults += found
        if document is None:
            continue
        model, found = validate(document, _Preset)
        faults += found
        if model is None:
            continue
        preset = _preset(path.stem, model, document, tables)
        found = tuple(f for shape in preset.shapes.values() for f in _faults(shape, document, tables))
        faults += found
        if not found:
            presets[path.stem] = preset
    if faults:
        raise DefinitionError.of(faults)
    return presets


def _preset(id: str, model: _Preset, document: Document, tables: Mapping[str, Table]) -> Preset:
    def shape(name: str, s: _Shape) -> Shape:
        written = _texts(document.at(("shapes", name)))
        return Shape(
            id=name,
            preset=id,
            title=s.title,
            kind=s.kind,
            headers=s.headers,
            tables=written.get("tables") or {},
            file=s.file,
            words=tuple((lang, tuple((h, t) for h, ts in said.items() for t in ts)) for lang, said in s.words.items()),
            source=tuple((written.get("source") or {}).items()),
            ignores=s.ignores,
            once=s.once,
            about=s.about,
            asks=tuple(Ask(a.column, a.what) for a in s.asks),
            needs=tuple((t, needed_of(tables[t])) for t in s.tables if t in tables),
        )

    return Preset(
        id,
        model.title,
        model.about,
        tuple(Reference(r.url, r.says) for r in model.references),
        {name: shape(name, s) for name, s in model.shapes.items()},
        model.system,
    )


def _texts(value: Any) -> Any:
    """Content of a file with ordinary texts in it, as a source file is written."""
    match value:
        case dict():
            return {str(k): _texts(v) for k, v in value.items()}
        case list():
            return [_texts(v) for v in value]
        case str():
            return str(value)
        case _:
            return value


def needed_of(table: Table) -> tuple[str, ...]:
    """The columns without which no row of a table can be loaded: its key, and what is required and made by nothing."""
    money = {c.currency for c in table.columns if c.type.kind is Kind.MONEY}
    return tuple(
        c.id
        for c in table.columns
        if not c.optional and (c.id in table.key or (c.required and c.derive is None and c.id not in money))
    )


def _faults(shape: Shape, document: Document, tables: Mapping[str, Table]) -> Iterator[Fault]:
    """What is wrong with a shape: its mapping, headers that it does not know, headers that cannot be told apart."""
    at = ("shapes", shape.id)
    if shape.tables:
        found = check_mapping({**dict(shape.source), "tables": dict(shape.tables)}, document, at, tables)
        yield from found
        if found:
            return
    for language, pairs in shape.words:
        for header, _ in pairs:
            if header not in shape.known:
                yield document.fault((*at, "words", language, header), f"the shape has no header {header!r}")
    targets = {c.id for t in shape.tables for c in tables[t].columns}
    for i, ask in enumerate(shape.asks):
        if ask.column not in targets:
            yield document.fault((*at, "asks", i, "column"), f"its tables have no column {ask.column!r}")
    for language in shape.languages:
        texts = [_plain(t) for said in shape.wordings(language).values() for t in said]
        for twice in sorted({t for t in texts if texts.count(t) > 1}):
            yield document.fault((*at, "headers"), f"two headers are written {twice!r} in {language!r}")


# --- recognising -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Match:
    """A shape that a file's header fits. `found` leads from the vendor's header to the one in the file, `missing` are
    headers the shape maps and the file lacks, `unknown` those of the file the shape says nothing of. `currency` is the
    code that a header of money holds, or an empty text."""

    preset: Preset
    shape: Shape
    language: str
    found: Mapping[str, str]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    currency: str = ""

    @property
    def id(self) -> str:
        """The preset and its shape, such as `google_ads.keywords_download`."""
        return f"{self.preset.id}.{self.shape.id}"

    def tables(self) -> dict[str, dict[str, Any]]:
        """The `tables:` of a source file for this file, with the file's own headers; columns it lacks are left out, and
        so is a table that lacks what its rows need."""
        made = {name: self._table(said) for name, said in self.shape.tables.items()}
        needs = dict(self.shape.needs)
        return {n: t for n, t in made.items() if all(c in t["columns"] for c in needs.get(n, ()))}

    def source(self) -> dict[str, Any]:
        """What the source file says above its tables."""
        return dict(self.shape.source)

    def _table(self, said: Mapping[str, Any]) -> dict[str, Any]:
        table: dict[str, Any] = {"columns": {}}
        for target, column in said["columns"].items():
            if (filled := self._column(column)) is not None:
                table["columns"][target] = filled
        if "key" in said:
            table["key"] = said["key"]
        for name in ("updated_at", "until", "merged_into"):
            if header := self.header(said.get(name, "")):
                table[name] = header
        for name in ("deleted", "merged_from", "where"):
            match said.get(name):
                case str(one) if header := self.header(one):
                    table[name] = header
                case {"column": one, **rest} if header := self.header(one):
                    table[name] = {"column": header, **rest}
                case _:
                    pass
        currency = said.get("currency", "")
        if header := self.header(currency):
            table["currency"] = header
        elif currency in CODES or self.currency:
            table["currency"] = self.currency or currency
        return table

    def header(self, either: str) -> str:
        """The file's header for the vendor's, or for the first of several that the file has; '' for none."""
        return next((self.found[h] for h in either.split(EITHER) if h in self.found), "")

    def _column(self, column: str | Mapping[str, Any]) -> Any:
        """A column with the file's headers; None where the file lacks them."""
        if isinstance(column, str):
            return self.header(column) or None
        if "negate" in column:
            if not (header := self.header(column["negate"]["column"])):
                return None
            column = {**column, "negate": {**column["negate"], "column": header}}
        if "constant" in column:
            return dict(column)
        if "column" in column:
            return {**column, "column": header} if (header := self.header(column["column"])) else None
        headers = [header for h in column["columns"] if (header := self.header(h))]
        take = column.get("take")
        whole = take == "difference" or ("values" in column and take != "first")  # all parts are needed
        if not headers or (whole and len(headers) < len(column["columns"])):
            return None
        return {**column, "columns": headers}


def recognise(header: Sequence[str], name: str, presets: Mapping[str, Preset]) -> tuple[Match, ...]:
    """The shapes that a file with this header and name fits, best first: most of its headers known, fewest unknown, a
    fitting name, then by id. A shape fits when every header it needs is there and some table of it can be filled."""
    index: dict[str, str] = {}
    for text in header:
        index.setdefault(_plain(text), text)
    found = [
        best
        for preset in presets.values()
        for shape in preset.shapes.values()
        if (best := _best(preset, shape, header, index)) is not None
    ]
    stem = name.casefold()
    return tuple(
        sorted(
            found,
            key=lambda m: (
                -len(m.found),
                len(m.unknown),
                not (m.shape.file and fnmatchcase(stem, m.shape.file.casefold())),
                m.id,
            ),
        )
    )


WAREHOUSES = ("snowflake", "postgres", "databricks", "bigquery", "redshift", "spark")


def rivals(files: Mapping[str, Match]) -> tuple[tuple[str, ...], ...]:
    """Groups of file names of which one is to be loaded, since together they would count the same twice: copies of one
    table for several warehouses (`deal_data_snowflake`), and different shapes of one `once`. Several files of one shape
    that differ otherwise (one a month) are no rivals."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(files):
        match = files[name]
        groups.setdefault(("copies", match.id, _base(name)), []).append(name)
        if match.shape.once:
            groups.setdefault(("once", match.shape.once), []).append(name)
    copies = [names for (kind, *_), names in groups.items() if kind == "copies" and len(names) > 1]
    levels = [names for (kind, *_), names in groups.items() if kind == "once" and len({files[n].id for n in names}) > 1]
    inside = [set(names) for names in levels]
    return tuple(sorted(tuple(n) for n in (*levels, *(c for c in copies if not any(set(c) <= i for i in inside)))))


def _base(name: str) -> str:
    """A file's name without its ending and the name of a warehouse behind it."""
    stem = name.partition(".")[0].casefold()
    return next((stem.removesuffix(f"_{w}") for w in WAREHOUSES if stem.endswith(f"_{w}")), stem)


def _best(preset: Preset, shape: Shape, header: Sequence[str], index: Mapping[str, str]) -> Match | None:
    """The match in the language that finds most; the vendor's own where several do."""
    fits = [m for language in shape.languages if (m := _match(preset, shape, language, header, index)) is not None]
    return max(fits, key=lambda m: len(m.found)) if fits else None


def _match(
    preset: Preset, shape: Shape, language: str, header: Sequence[str], index: Mapping[str, str]
) -> Match | None:
    def stands(either: str) -> bool:
        return any(_in(text, index)[0] for h in either.split(EITHER) for text in shape.texts(h, language))

    if not all(stands(h) for h in shape.headers):
        return None
    found: dict[str, str] = {}
    currency = ""
    for known, wordings in shape.wordings(language).items():
        for wording in wordings:
            text, code = _in(wording, index)
            if text:
                found[known] = text
                currency = currency or code
                break

    def lacks(either: str) -> bool:
        return not any(h in found for h in either.split(EITHER))

    missing = tuple(h for t in shape.tables.values() for h in headers_of(t) if lacks(h))
    taken = set(found.values())
    beginnings = tuple(_plain(h[:-1]) for h in shape.ignores if h.endswith("*"))
    unknown = tuple(
        h for h in header if h.strip() and h not in taken and not (beginnings and _plain(h).startswith(beginnings))
    )
    match = Match(preset, shape, language, found, tuple(dict.fromkeys(missing)), unknown, currency)
    return match if match.tables() or not shape.tables else None


def _in(wording: str, index: Mapping[str, str]) -> tuple[str, str]:
    """The file's header that a wording stands for and the currency in it, or empty texts."""
    plain = _plain(wording)
    if CURRENCY_PLACE not in plain:
        return index.get(plain, ""), ""
    form = re.compile(re.escape(plain).replace(re.escape(CURRENCY_PLACE), "([a-z]{3})"))
    for text, header in index.items():
        if (m := form.fullmatch(text)) and m[1].upper() in CODES:
            return header, m[1].upper()
    return "", ""


def _plain(text: str) -> str:
    """A header as it is compared: small letters, single blanks, one kind of dash and of apostrophe."""
    return " ".join(text.casefold().translate(_SAME).split())


_SAME = str.maketrans({"\u2019": "'", "\u2013": "-", "\u2010": "-", "\u2011": "-"})
