"""Writes docs/presets.md, the reference of the vendors' files, from the presets: python docs/generate_presets.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from headwater.connectors.presets import load_presets
from headwater.metrics.catalogue import load_catalogue
from headwater.model.preset import DOWNLOAD, EITHER, VENDOR, Preset, Shape

REPOSITORY = Path(__file__).resolve().parent.parent
CATALOGUE = REPOSITORY / "src" / "headwater" / "catalogue"
PAGE = REPOSITORY / "docs" / "presets.md"

INTRODUCTION = """\
# Presets

A preset knows the files of one vendor: the headers they are recognised by, and the tables their columns belong to. This
page is made from the files in `src/headwater/catalogue/presets/` by `python docs/generate_presets.py`; do not edit it.

- A file is of a shape when it has every header that the shape **needs**, in the vendor's words or in one of the
  languages listed. Among several shapes the one counts that knows most of the file's headers.
- *a or b*: the first of them that the file has. *a + b*: put together in one text. *a, else b*: the first that is not
  empty in the row. A header that the file lacks is left out of the mapping; one that the shape does not know is asked
  about.
- Shapes with the same **counts once** tell the same facts again, by campaign and by keyword for example: one of them is
  loaded, never two. So are the copies of one table for several warehouses (`deal_data_snowflake.csv`).
- *values*: texts are translated before they are read; those that are not listed stay, or set the row aside where it
  says *only these*.
- **Asks** are the questions that no file answers.
"""

KINDS = {DOWNLOAD: "a person's download", "table": "a copied table"}
LANGUAGES = {"de": "German", "fr": "French", "es": "Spanish", "ja": "Japanese", VENDOR: "other English wordings"}


def page(presets: Iterable[Preset]) -> str:
    """The whole page: an overview, then one section a preset, by title."""
    ordered = sorted(presets, key=lambda p: p.title.casefold())
    overview = ["| Preset | Files | Tables |", "|---|---|---|"]
    overview += [f"| [{p.title}](#{_anchor(p.title)}) | {len(p.shapes)} | {_names(_tables(p))} |" for p in ordered]
    return "\n".join((INTRODUCTION, *overview, "", *(line for p in ordered for line in _section(p)))).rstrip() + "\n"


def _tables(preset: Preset) -> tuple[str, ...]:
    return tuple(sorted({t for s in preset.shapes.values() for t in s.tables}))


def _section(preset: Preset) -> Iterator[str]:
    yield f"## {preset.title}"
    yield ""
    yield preset.about
    yield ""
    for reference in preset.references:
        yield f"- <{reference.url}>: {reference.says}"
    yield ""
    for shape in preset.shapes.values():
        yield from _shape(preset, shape)


def _shape(preset: Preset, shape: Shape) -> Iterator[str]:
    yield f"### {shape.title}"
    yield ""
    yield f"`{preset.id}.{shape.id}`, {KINDS[shape.kind]}." + (f" {shape.about}" if shape.about else "")
    yield ""
    yield f"- Needs: {', '.join(_header(h) for h in shape.headers)}"
    if shape.once:
        yield f"- Counts once: `{shape.once}`"
    if shape.source:
        yield f"- Source: {', '.join(f'`{key}: {_plain(value)}`' for key, value in shape.source)}"
    for language, pairs in shape.words:
        said = ", ".join(f"{_code(header)} = {_code(text)}" for header, text in pairs)
        yield f"- {LANGUAGES[language][:1].upper()}{LANGUAGES[language][1:]}: {said}"
    for ask in shape.asks:
        yield f"- Asks (`{ask.column}`): {ask.what}"
    yield ""
    for name, table in shape.tables.items():
        yield from _mapping(name, table)


def _mapping(name: str, table: Mapping[str, Any]) -> Iterator[str]:
    yield f"| [{name}](tables.md#{name}) | filled from |"
    yield "|---|---|"
    for target, column in table["columns"].items():
        yield f"| `{target}` | {_cell(_column(column))} |"
    for key, what in (
        ("where", "rows with"), ("deleted", "deleted by"), ("merged_into", "merged into"),
        ("merged_from", "ids merged into the row"), ("updated_at", "newer by"),
        ("until", "state ended at"), ("currency", "currency"),
    ):  # fmt: skip
        if said := table.get(key):
            yield f"| *{what}* | {_cell(_special(said))} |"
    yield ""


def _column(column: str | Mapping[str, Any]) -> str:
    if isinstance(column, str):
        return _header(column)
    if "constant" in column:
        return f"always {_code(str(column['constant']))}"
    if "columns" in column:
        between = {"first": ", else ", "difference": " less "}.get(column.get("take", ""), " + ")
        text = between.join(_header(h) for h in column["columns"])
    else:
        text = _header(column["column"])
    notes, none = [], "nothing"
    if factor := column.get("factor"):
        notes.append(f"times {factor}")
    if column.get("numbered"):
        notes.append("equal ones numbered")
    if negate := column.get("negate"):
        notes.append(f"of the other sign where {_rows(negate)}")
    if values := column.get("values"):
        only = "only these values" if column.get("unlisted") == "quarantine" else "values"
        only = "what it begins with" if column.get("match") == "start" else only
        notes.append(f"{only}: {', '.join(f'{_code(a)} = {_code(b) if b else none}' for a, b in values.items())}")
    for key in ("true", "false"):
        if said := column.get(key):
            notes.append(f"{key}: {', '.join(_code(s) for s in said)}")
    if form := column.get("date_format"):
        notes.append(f"as {_code(form)}")
    if empty := [e for e in column.get("empty", ()) if e]:
        notes.append(f"nothing: {', '.join(_code(e) for e in empty)}")
    return text + (f" ({'; '.join(notes)})" if notes else "")


def _special(said: str | Mapping[str, Any]) -> str:
    if isinstance(said, str):
        return _header(said)
    if said.get("filled"):
        return f"any text in {_header(said['column'])}"
    if "values" in said or "starts" in said:
        return _rows(said)
    return f"{_header(said['column'])}, cut at {_code(said['separator'])}"


def _rows(said: Mapping[str, Any]) -> str:
    """Rows by the text of a column."""
    texts = [", ".join(_code(v) for v in said["values"])] if "values" in said else []
    texts += ["what begins with " + ", ".join(_code(v) for v in said["starts"])] if "starts" in said else []
    return f"{' or '.join(texts)} in {_header(said['column'])}"


def _header(either: str) -> str:
    return " or ".join(_code(h) for h in either.split(EITHER))


def _code(text: str) -> str:
    return f"`{text}`" if text else "an empty text"


def _plain(value: Any) -> str:
    return ", ".join(str(v) or '""' for v in value) if isinstance(value, list) else str(value)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def _anchor(title: str) -> str:
    return "".join(c for c in title.casefold().replace(" ", "-") if c.isalnum() or c == "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(load_presets(load_catalogue(CATALOGUE).tables).values()), encoding="utf-8")
