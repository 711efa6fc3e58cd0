"""A tiny world for the planner: three tables of a few rows, a catalogue written by hand, and a door to ask it."""

from datetime import date, datetime
from decimal import Decimal
from zlib import crc32

import duckdb

from headwater.metrics.language import parse_formula, parse_predicate, parse_row_value
from headwater.metrics.observe import observe
from headwater.metrics.planned import Plan
from headwater.metrics.planner import plan
from headwater.metrics.render import render
from headwater.model.catalogue import Catalogue
from headwater.model.generation import Generation, StoredTable
from headwater.model.kpi import BASE, Kpi, Variant
from headwater.model.measure import Measure
from headwater.model.observation import Observation
from headwater.model.plan import Values
from headwater.model.question import Question
from headwater.model.settings import Settings
from headwater.model.table import (
    VERSIONS_SUFFIX,
    Bucket,
    Column,
    LinkedColumn,
    LinkedSplit,
    Since,
    Table,
    counted_columns,
    stored_columns,
)
from headwater.model.types import DAY, ID, INTEGER, MONEY, NUMBER, NUMBER_SUFFIX, ONE, TEXT, TIME, Kind, Unit

DEALS = Table(
    "deals", "Deals", "one row per deal", "deal", ("deal_id",),
    (
        Column("deal_id", ID, fixed=True),
        Column("account_id", ID, counted=True),
        Column("channel", TEXT, fixed=True),
        Column("stage", TEXT),
        Column("created_at", TIME, fixed=True),
        Column("won_at", TIME),
        Column("closed_at", TIME),
        Column("amount", MONEY, currency="currency"),
        Column("currency", TEXT),
    ),
    event="created_at", versions=True, splits_was=("channel", "stage"),
    splits_is=(LinkedSplit("industry", "accounts", "account_id", "industry"),),
    columns_is=(LinkedColumn("renewed_at", TIME, "accounts", "account_id", "renewed_at", "created_at"),),
)  # fmt: skip
ACCOUNTS = Table(
    "accounts", "Accounts", "one row per account", "account", ("account_id",),
    (Column("account_id", ID), Column("industry", TEXT), Column("renewed_at", TIME)), splits_was=("industry",),
)  # fmt: skip
PROFILES = Table(
    "profiles", "Profiles", "one row per profile and day", "follower", ("profile", "day"),
    (Column("profile", TEXT), Column("day", DAY), Column("followers", INTEGER)), event="day", partition="day",
    splits_was=("profile",),
)  # fmt: skip
RATES = Table(
    "exchange_rates", "Rates", "one row per currency and day", "rate", ("currency", "day"),
    (Column("currency", TEXT), Column("day", DAY), Column("rate", NUMBER)), event="day",
)  # fmt: skip
MAILS = Table(
    "mails", "Mails", "one row per mail", "mail", ("mail_id",),
    (
        Column("mail_id", ID),
        Column("sent_at", TIME),
        Column("noted_at", TIME),
        Column("opened_at", TIME),
        Column("answered_on", DAY),
        Column("due_on", DAY, planned=True),
        Column("wait_days", INTEGER, derive=Since("sent_at", "answered_on", "days")),
        Column("pace", TEXT, derive=Bucket("wait_days", (10,), ("fast", "slow"))),
    ),
    event="sent_at", happens="noted_at", splits_was=("pace",),
)  # fmt: skip
TABLES = {t.id: t for t in (DEALS, ACCOUNTS, PROFILES, RATES, MAILS)}


def measure(
    name: str, aggregate: str = "count", column: str = "", where: str = "", unit: str = "deal", **more: object
) -> Measure:
    """A measure over deals, written short."""
    return Measure(
        id=name, title=name, table=str(more.pop("table", "deals")), aggregate=aggregate, unit=Unit.parse(unit),
        column=parse_row_value(column) if column else None, where=parse_predicate(where) if where else None,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def kpi(name: str, formula: str, interval: str = "none", unit: Unit = ONE) -> Kpi:
    """A KPI with one variant, written short."""
    variant = Variant(BASE, parse_formula(formula), formula, "period", unit, interval=interval)
    return Kpi(name, name, "", (variant,), BASE, unit, "number", "up", "", "", "", "", "", "")


def world(
    measures: list[Measure], rows: dict[str, list[dict[str, object]]], complete_through: dict[str, date] | None = None
) -> "World":
    """The tiny world with these measures and rows; a time is a datetime (instant) or a date (day alone)."""
    return World(measures, rows, complete_through or {})


class World:
    """Rows in an engine, and `ask` to have them planned, rendered, run and observed."""

    def __init__(
        self, measures: list[Measure], rows: dict[str, list[dict[str, object]]], through: dict[str, date]
    ) -> None:
        self.measures = {m.id: m for m in measures}
        self.connection = duckdb.connect()
        stored = []
        for table in TABLES.values():
            given = [_numbered(row, table) for row in rows.get(table.id, [])]
            self._create(table, table.id, given)
            if table.versions:
                versions = rows.get(table.id + VERSIONS_SUFFIX, [])
                self._create(table, table.id + VERSIONS_SUFFIX, versions)
            days = sorted(_day(r[table.event]) for r in given if table.event and r.get(table.event))
            found = (
                tuple(sorted({str(r["currency"]) for r in given if r.get("currency")})) if table.id == "deals" else ()
            )
            ends = (("crm", through[table.id]),) if table.id in through else ()
            first, last = (days[0], days[-1]) if days else (None, None)
            counted = tuple((name, GREATEST) for name in counted_columns(table))
            stored.append(StoredTable(table.id, (), len(given), "0", ends, found, first, last, counted))
        self.generation = Generation("g1", "", 1, "", datetime(2026, 1, 1), "", tuple(stored))

    def _create(self, table: Table, name: str, rows: list[dict[str, object]]) -> None:
        from dataclasses import replace

        columns = stored_columns(replace(table, id=name))
        values = Values(columns, tuple(tuple(_cell(r, c, t.kind) for c, t in columns) for r in rows))
        self.connection.execute(f'create table "{name}" as {render(values).text}')

    def plan(
        self, *formulas: str, interval: str = "none", settings: Settings | None = None, **question: object
    ) -> Plan:
        """The plan of a question whose KPIs k0, k1 ... have these formulas."""
        kpis = {f"k{i}": kpi(f"k{i}", f, interval) for i, f in enumerate(formulas)}
        question.setdefault("as_of", date(2025, 12, 31))
        asked = Question(tuple(kpis), **question)  # type: ignore[arg-type]
        return plan(asked, Catalogue(TABLES, self.measures, kpis, ""), self.generation, settings or Settings())

    def ask(self, *formulas: str, **question: object) -> tuple[Observation, ...]:
        """The Observations of formulas."""
        planned = self.plan(*formulas, **question)  # type: ignore[arg-type]
        return observe(planned, [self.connection.execute(render(b.relation).text).fetchall() for b in planned.blocks])

    def values(self, *formulas: str, **question: object) -> list[float | None]:
        """The values alone."""
        return [o.value for o in self.ask(*formulas, **question)]


GREATEST = 2**32


def _numbered(row: dict[str, object], table: Table) -> dict[str, object]:
    """A row with a number for each value of a counted column, the same one in every row."""
    numbers = {n: None if row.get(n) is None else 1 + crc32(str(row[n]).encode()) for n in counted_columns(table)}
    return {**row, **{f"{name}{NUMBER_SUFFIX}": number for name, number in numbers.items()}}


def _day(value: object) -> date:
    return value.date() if isinstance(value, datetime) else value  # type: ignore[return-value]


def _cell(row: dict[str, object], column: str, kind: Kind) -> object:
    if column.endswith("__day"):
        value = row.get(column.removesuffix("__day"))
        return None if value is None else _day(value)
    value = row.get(column, {"_source": "crm", "_load": 1, "_row": 1, "_observed": False}.get(column))
    if kind is Kind.TIME and not isinstance(value, datetime):
        return None
    if kind in (Kind.MONEY, Kind.NUMBER) and value is not None:
        return Decimal(str(value))
    return value
