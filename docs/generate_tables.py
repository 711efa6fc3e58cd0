"""Writes docs/tables.md, the reference of the canonical tables, from their files: python docs/generate_tables.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.language import format_predicate
from headwater.model.table import Bucket, ByChannel, ByIdentity, Column, Derivation, Key, Lookup, Pick, Since, Table

REPOSITORY = Path(__file__).resolve().parent.parent
CATALOGUE = REPOSITORY / "src" / "headwater" / "catalogue"
PAGE = REPOSITORY / "docs" / "tables.md"

INTRODUCTION = """\
# Tables

Sources are mapped to these tables, measures count their rows, and KPIs are arithmetic over measures. This page is made
from the files in `src/headwater/catalogue/tables/` by `python docs/generate_tables.py`; do not edit it.

- A table has one grain. Its **key** tells its rows apart; no part of a key may be empty, but one that is *optional*.
- A `time` is stored as the instant and the local date beside it; a `day` is known to the day alone.
- **Made from** says how the program fills a column that no source maps. A mapped value always counts first.
- *needed*: a row without a value is set aside when it is loaded. *fixed*: does not change over a row's life; a
  correction restates it. *planned*: a date set beforehand, which counts although it lies ahead. *personal*: masked,
  and erased on request. *counted*: its different values are counted in millions of rows, so each gets a number that is
  counted in its stead.
- **Splits as was** stand on the row. **Splits as is** are read from another table when the question is asked, so that
  they show what is known today.
- With **versions**, earlier states of a row are kept, and a stock at a date is read from the state of that date.
- A table **made from** another one has a row for each of its rows, or for each value that its key has there; no source
  fills it.
"""


def page(tables: Iterable[Table]) -> str:
    """The whole page: an overview, then one section a table, by id."""
    ordered = sorted(tables, key=lambda t: t.id)
    overview = ["| Table | Grain | Versions |", "|---|---|---|"]
    overview += [f"| [{t.id}](#{t.id}) | {_cell(t.grain)} | {'yes' if t.versions else ''} |" for t in ordered]
    return "\n".join((INTRODUCTION, *overview, "", *(line for t in ordered for line in _section(t)))).rstrip() + "\n"


def _section(table: Table) -> Iterator[str]:
    yield f"## {table.id}"
    yield ""
    yield f"**{table.title}.** {table.about}"
    yield ""
    yield f"- Grain: {table.grain}; counted in `{table.subject}`"
    yield f"- Key: {_names(table.key)}"
    if table.rows_from:
        yield f"- Made from: [{table.rows_from}](#{table.rows_from})"
    if table.event:
        yield f"- Main clock: `{table.event}`" + (f"; a row happens at `{table.happens}`" if table.happens else "")
    yield f"- Kept by: {'parts of the key' if table.partition == 'bucket' else f'`{table.partition}`'}"
    if table.splits_was:
        yield f"- Splits as was: {_names(table.splits_was)}"
    if table.splits_is:
        links = (f"`{s.id}` ({s.table}.{s.column} by {s.by})" for s in table.splits_is)
        yield f"- Splits as is: {', '.join(links)}"
    yield ""
    yield "| Column | Type | What it is | Made from |"
    yield "|---|---|---|---|"
    for column in table.columns:
        made = made_from(column.derive) if column.derive is not None else ""
        yield f"| `{column.id}` | {_type(column)} | {_cell(_what(column))} | {_cell(made)} |"
    yield ""
    if table.columns_is:
        yield "Columns as is, for measures; read when the question is asked:"
        yield ""
        yield "| Column | Type | What it is | Read from |"
        yield "|---|---|---|---|"
        for link in table.columns_is:
            bound = f", where it is not before {link.after}" if link.after else ""
            made = f"{link.table}.{link.column} by {link.by}{bound}"
            yield f"| `{link.id}` | {link.type} | {_cell(link.about)} | {_cell(made)} |"
        yield ""


def _type(column: Column) -> str:
    text = str(column.type)
    links = [(f"[{r.table}](#{r.table})", f" ({r.value})" if r.by else "") for r in column.references]
    if links:
        text += " of " + " or ".join(link + told for link, told in links)
    if column.currency:
        text += f" in `{column.currency}`"
    return text + (f", {column.unit}" if column.unit else "")


def _what(column: Column) -> str:
    marks = [
        word
        for word, holds in (
            ("needed", column.required),
            ("fixed", column.fixed),
            ("planned", column.planned),
            ("personal", column.personal),
            ("counted", column.counted),
            ("optional", column.optional),
        )
        if holds
    ]
    values = f" One of {', '.join(column.values)}." if column.values else ""
    return column.about + values + (f" *{', '.join(marks)}*" if marks else "")


def made_from(derive: Derivation) -> str:
    """How a column is derived, in words."""
    match derive:
        case Lookup(table, by, column, as_of):
            return f"{table}.{column} by {by}" + (f", as of {as_of}" if as_of else "")
        case Since(start, end, unit):
            return f"{unit} from {start} to {end}"
        case Bucket(column, edges):
            return f"class of {column}, from {', '.join(str(e) for e in edges)}"
        case Pick() as pick:
            return _picked(pick)
        case Key(of, column):
            return KEYS[of].format(column)
        case (ByIdentity() | ByChannel()) as rules if rules.gives == "rule":
            return f"rule that gave {rules.column}"
        case ByIdentity() as rules:
            links = " and ".join(f"{link} ({column})" if link != column else link for link, column in rules.links)
            return f"[identity.yml](identity.md), from {links}"
        case ByChannel() as rules:
            return f"[channels.yml](channels.md), from {', '.join(dict.fromkeys(column for _, column in rules.facts))}"


KEYS = {
    "mail": "{} trimmed, in lower case",
    "company": "domain of {}, unless it is one of free mail",
    "domain": "host of {}, in lower case",
}


def _picked(pick: Pick) -> str:
    which = f"row {pick.n}" if pick.which == "nth" else pick.which
    what = f"{which} of {pick.table}" + (f".{pick.column}" if pick.column else "")
    what += " with the same " + " and ".join(t if t == o else f"{t} (our {o})" for t, o in pick.by)
    if pick.where is not None:
        what += f" where {format_predicate(pick.where)}"
    if pick.order and pick.order != pick.column:
        what += f", by {pick.order}"
    bounds = [f"from {pick.after}" if pick.after else "", f"up to {pick.until}" if pick.until else ""]
    return ", ".join((what, *(b for b in bounds if b)))


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(load_catalogue(CATALOGUE).tables.values()), encoding="utf-8")
