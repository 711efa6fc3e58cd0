"""What parent and child say to each other: plain JSON, both ways, for the nouns of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from headwater.model.landing import LandedTable, Quarantined
from headwater.model.profile import ColumnProfile, Magnitude, Profile, Sketch
from headwater.model.settings import Settings
from headwater.model.source import ColumnMapping, Source, TableMapping
from headwater.model.table import Column, Table
from headwater.model.types import Kind, Type

Json = Any


def source_json(source: Source) -> Json:
    """A source as JSON."""
    content = asdict(source)
    content["complete_through"] = source.complete_through.isoformat() if source.complete_through else None
    for table in content["tables"]:
        _leave_out(table, _LATER_TABLE)
        for column in table["columns"]:
            _leave_out(column, _LATER_COLUMN)
    return content


_LATER_TABLE = {
    f.name: f.default
    for f in fields(TableMapping)
    if f.name in ("until", "merged_from", "merged_separator", "where_filled", "where_starts")
}
_LATER_COLUMN = {
    f.name: f.default
    for f in fields(ColumnMapping)
    if f.name in ("columns", "join", "take", "match", "negate", "negate_values", "negate_starts", "numbered")
}
"""Keys that were added later: unsaid, they leave a mapping's hash, and so what was loaded under it, as it was."""


def _leave_out(content: Json, unsaid: Mapping[str, Any]) -> None:
    for name, value in unsaid.items():
        if content[name] == value:
            del content[name]


def source_of(content: Json) -> Source:
    """The source of its JSON."""
    tables = tuple(
        TableMapping(**{**_tupled(t), "columns": tuple(ColumnMapping(**_tupled(c)) for c in t["columns"])})
        for t in content["tables"]
    )
    through = content["complete_through"]
    return Source(**{**_tupled(content), "tables": tables, "complete_through": _date(through)})


def table_json(table: Table) -> Json:
    """What parsing needs of a table, as JSON: no derivations and no splits."""
    return {
        "id": table.id,
        "key": table.key,
        "event": table.event,
        "columns": [
            {
                **{n: getattr(c, n) for n in _COLUMN},
                **({"optional": True} if c.optional else {}),
                "type": [c.type.kind.value, c.type.precision, c.type.scale],
            }
            for c in table.columns
        ],
    }


_COLUMN = ("id", "required", "currency", "personal", "values", "low")


def table_of(content: Json) -> Table:
    """The table of its JSON."""
    columns = tuple(
        Column(**{**_tupled(c), "type": Type(Kind(c["type"][0]), c["type"][1], c["type"][2])})
        for c in content["columns"]
    )
    return Table(content["id"], "", "", "", tuple(content["key"]), columns, event=content["event"])


def settings_json(settings: Settings) -> Json:
    """What parsing needs of the settings, as JSON."""
    return {"currency": settings.currency, "time_zone": settings.time_zone}


def settings_of(content: Json) -> Settings:
    """The settings of their JSON."""
    return Settings(**content)


def landed_json(landed: LandedTable) -> Json:
    """A landed table as JSON."""
    days = {n: d.isoformat() if (d := getattr(landed, n)) else None for n in ("first_day", "last_day")}
    return {**asdict(landed), **days}


def landed_of(content: Json) -> LandedTable:
    """The landed table of its JSON."""
    days = {n: _date(content[n]) for n in ("first_day", "last_day")}
    return LandedTable(**{**_tupled(content), **days})


def quarantined_of(content: Json) -> Quarantined:
    """The quarantined row of its JSON."""
    return Quarantined(**content)


def profile_of(content: Json) -> Profile:
    """The profile of its JSON."""
    columns = tuple(
        ColumnProfile(
            **{**_tupled(c), "magnitudes": tuple(Magnitude(**m) for m in c["magnitudes"])},
        )
        for c in content["columns"]
    )
    return Profile(tuple(content["header"]), content["separator"], columns)


def sketch_of(content: Json) -> Sketch:
    """The sketch of its JSON."""
    return Sketch(**_tupled(content))


def tables_json(source: Source, tables: Mapping[str, Table]) -> Json:
    """The tables a source feeds, as JSON."""
    return {m.table: table_json(tables[m.table]) for m in source.tables}


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _tupled(content: Mapping[str, Json]) -> dict[str, Any]:
    """Lists as tuples, all the way down."""

    def deep(value: Json) -> Any:
        return tuple(deep(v) for v in value) if isinstance(value, list | tuple) else value

    return {k: deep(v) for k, v in content.items()}
