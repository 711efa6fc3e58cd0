"""A company's marketing of three years, made up from a seed: rows as they lie in landed batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headwater.api.folder import Folder
from headwater.model.landing import Draft, LandedTable
from headwater.store.landing import commit, stage
from headwater.store.lock import writing
from headwater.store.place import open_store

FIRST, LAST = date(2023, 1, 1), date(2025, 12, 30)
NEW_DAY = date(2025, 12, 31)
NOW = datetime(2026, 1, 2, 6, tzinfo=UTC)
CHANNELS = ("paid_search", "paid_social", "organic", "email", "events", "referral", "partners", "direct")
COUNTRIES = ("DE", "FR", "GB", "US", "NL", "ES", "IT", "PL", "SE", "AT", "CH", "BE")
CAMPAIGNS = 400
QUARANTINE = pa.schema(
    [("row", pa.int64()), ("line", pa.int64()), *((n, pa.string()) for n in ("column", "code", "reason", "raw"))]
)
Columns = dict[str, pa.Array]


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of everything at a scale; 1.0 is 20 million events."""

    sessions: int
    ad_days: int
    email_events: int
    leads: int
    opportunities: int
    visitors: int
    accounts: int

    @classmethod
    def of(cls, scale: float) -> Size:
        """The sizes at a scale."""

        def some(number: int) -> int:
            return max(50, round(number * scale))

        return cls(*(some(n) for n in (11_000_000, 5_000_000, 4_000_000, 2_000_000, 200_000, 800_000, 300_000)))


def land(folder: Folder, scale: float, seed: int, last_months: int = 36) -> None:
    """The estate up to `LAST` (of its last months) as batches of a workspace's journal: one of masters, then one a
    month."""
    size = Size.of(scale)
    commit_tables(folder, "masters", {"campaigns": campaigns(), "accounts": accounts(size, seed)}, FIRST)
    for first, last in list(months())[-last_months:]:
        commit_tables(folder, f"month-{first:%Y-%m}", of_days(size, seed, first, last), last)


def land_new_day(folder: Folder, scale: float, seed: int) -> None:
    """One more day: its events and leads, and earlier leads that have moved on since."""
    size = Size.of(scale)
    tables = of_days(size, seed, NEW_DAY, NEW_DAY)
    rng = np.random.default_rng([seed, 77])
    (first, last) = list(months())[-1]
    earlier = of_days(size, seed, first, last)["leads"]
    some = max(5, size.leads // 1100)
    again = rng.choice(earlier.num_rows, min(some, earlier.num_rows), replace=False)
    moved = earlier.take(pa.array(np.sort(again)))
    when, day = pair(np.full(moved.num_rows, seconds_of(NEW_DAY)))
    for name, values in (("mql_at", when), ("mql_at__day", day)):
        moved = moved.set_column(moved.schema.get_field_index(name), name, values)
    tables["leads"] = pa.concat_tables([tables["leads"], moved])
    commit_tables(folder, "new-day", tables, NEW_DAY)


def months() -> Iterator[tuple[date, date]]:
    """First and last day of every month up to `LAST`."""
    first = FIRST
    while first <= LAST:
        following = (first + timedelta(32)).replace(day=1)
        yield first, min(following - timedelta(1), LAST)
        first = following


def commit_tables(folder: Folder, name: str, tables: Mapping[str, pa.Table], through: date) -> None:
    """One batch of these rows, through the store's own door."""
    store = open_store(folder.store, create=True)
    with writing(store, "bench"):
        staged = stage(store)
        landed = tuple(_landed(table, rows, staged) for table, rows in tables.items())
        pq.write_table(QUARANTINE.empty_table(), staged / "quarantine.parquet")
        count = sum(rows.num_rows for rows in tables.values())
        draft = Draft(
            source="estate",
            system="",
            path=name,
            content=hashlib.sha256(name.encode()).hexdigest(),
            mapping="made up",
            full=False,
            data_rows=count,
            loaded=count,
            quarantined=0,
            collapsed=0,
            skipped=(),
            tables=landed,
            complete_through=through,
        )
        commit(store, staged, draft, NOW)


_EVENTS = {
    "campaigns": "started_at",
    "accounts": "created_at__day",
    "web_sessions": "started_at__day",
    "ad_days": "day",
    "email_events": "sent_at__day",
    "leads": "created_at__day",
    "costs": "day",
    "opportunities": "created_at__day",
}


def _landed(table: str, rows: pa.Table, staged: Path) -> LandedTable:
    number = rows.num_rows
    nothing = {
        "_row": pa.array(np.arange(1, number + 1)),
        "_deleted": pa.array(np.zeros(number, bool)),
        "_merged_into": pa.nulls(number, pa.string()),
        "_updated_at": pa.nulls(number, pa.timestamp("us")),
    }
    for name, values in nothing.items():
        rows = rows.append_column(name, values)
    pq.write_table(rows, staged / f"{table}.parquet", compression="zstd")
    days = pc.min_max(rows[_EVENTS[table]]).as_py()
    return LandedTable(
        table=table,
        file=f"{table}.parquet",
        rows=number,
        columns=tuple(n for n in rows.column_names if not n.startswith("_") and not n.endswith("__day")),
        has_updated_at=False,
        first_day=days["min"],
        last_day=days["max"],
    )


# --- columns ---------------------------------------------------------------------------------------------------------
def seconds_of(day: date) -> int:
    """The first second of a day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def pair(seconds: np.ndarray, present: np.ndarray | None = None) -> tuple[pa.Array, pa.Array]:
    """Instants and their days; empty where not present."""
    mask = None if present is None else ~present
    when = pa.array(seconds.astype("datetime64[s]").astype("datetime64[us]"), mask=mask)
    return when, when.cast(pa.date32(), safe=False)


def ids(prefix: str, numbers: np.ndarray) -> pa.Array:
    """Numbers as ids of one length, as systems write them."""
    text = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 10, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), text, "")


def picked(values: tuple[str, ...], index: np.ndarray, empty: np.ndarray | None = None) -> pa.Array:
    """Texts by index."""
    return pa.array(list(values)).take(pa.array(index, pa.int64(), mask=empty))


def cents(values: np.ndarray) -> pa.Array:
    """Money from whole cents."""
    whole = pa.array(values.astype(np.int64)).cast(pa.decimal128(19, 0))
    return pc.multiply(whole, pa.scalar(Decimal("0.01"))).cast(pa.decimal128(18, 6))


def channel_of(campaign: np.ndarray) -> np.ndarray:
    """The channel of a campaign."""
    return campaign % len(CHANNELS)


# --- tables ----------------------------------------------------------------------------------------------------------
def campaigns() -> pa.Table:
    """The campaigns."""
    number = np.arange(CAMPAIGNS)
    return pa.table(
        {
            "campaign_id": ids("c", number),
            "name": ids("Campaign ", number),
            "program": picked(tuple(f"program {i}" for i in range(20)), number % 20),
            "channel": picked(CHANNELS, channel_of(number)),
            "started_at": pa.array([FIRST] * CAMPAIGNS),
        }
    )


def accounts(size: Size, seed: int) -> pa.Table:
    """The companies."""
    rng = np.random.default_rng([seed, 1])
    number = np.arange(size.accounts)
    when, day = pair(np.full(size.accounts, seconds_of(FIRST)))
    return pa.table(
        {
            "account_id": ids("a", number),
            "created_at": when,
            "created_at__day": day,
            "employees": pa.array(rng.integers(1, 5000, size.accounts)),
            "country": picked(COUNTRIES, rng.integers(0, 12, size.accounts)),
            "segment": picked(("small", "middle", "large"), rng.integers(0, 3, size.accounts)),
            "icp_fit": pa.array(rng.random(size.accounts) < 0.3),
        }
    )


def of_days(size: Size, seed: int, first: date, last: date) -> dict[str, pa.Table]:
    """Everything that happened on these days."""
    rng = np.random.default_rng([seed, first.toordinal(), last.toordinal()])
    days, whole = (last - first).days + 1, (NEW_DAY - FIRST).days + 1
    origin = (first - FIRST).days

    def part(total: int) -> np.ndarray:
        """The numbers of the rows that fall on these days, so that no number occurs twice."""
        return np.arange(total * origin // whole, total * (origin + days) // whole)

    def moments(number: int) -> np.ndarray:
        return np.sort(seconds_of(first) + rng.integers(0, days * 86400, number))

    return {
        "web_sessions": _sessions(size, rng, part(size.sessions), moments),
        "ad_days": _ad_days(size, rng, first, days),
        "email_events": _email_events(rng, part(size.email_events), moments),
        "leads": _leads(size, rng, part(size.leads), moments),
        "costs": _costs(rng, first, days),
        "opportunities": _opportunities(size, rng, part(size.opportunities), moments),
    }


def _sessions(size: Size, rng: np.random.Generator, numbers: np.ndarray, moments) -> pa.Table:  # type: ignore[no-untyped-def]
    n = len(numbers)
    when, day = pair(moments(n))
    campaign = rng.integers(0, CAMPAIGNS, n)
    visitor = (size.visitors * rng.random(n) ** 1.6).astype(np.int64)
    bounced = rng.random(n) < 0.45
    return pa.table(
        {
            "session_id": ids("s", numbers),
            "visitor_id": ids("v", visitor),
            "account_id": ids("a", visitor % size.accounts),
            "started_at": when,
            "started_at__day": day,
            "medium": picked(("cpc", "organic", "email", "referral", "none"), campaign % 5),
            "channel": picked(CHANNELS, channel_of(campaign), rng.random(n) < 0.01),
            "campaign_id": ids("c", campaign),
            "page_views": pa.array(np.where(bounced, 1, 2 + rng.poisson(3, n))),
            "duration_seconds": pa.array(np.where(bounced, 0, rng.exponential(180, n)).astype(np.int64)),
            "bounced": pa.array(bounced),
            "device": picked(("desktop", "mobile", "tablet"), rng.integers(0, 3, n)),
            "country": picked(COUNTRIES, rng.integers(0, 12, n)),
        }
    )


def _ad_days(size: Size, rng: np.random.Generator, first: date, days: int) -> pa.Table:
    a_day = max(1, size.ad_days // ((NEW_DAY - FIRST).days + 1))
    place = np.tile(np.arange(a_day), days)
    n = len(place)
    campaign = place % CAMPAIGNS
    impressions = rng.integers(0, 5000, n)
    clicks = rng.binomial(impressions, 0.02)
    day = pa.array(np.repeat(np.arange(days), a_day) + (first - date(1970, 1, 1)).days, pa.int32()).cast(pa.date32())
    return pa.table(
        {
            "day": day,
            "platform": picked(("search_ads", "social_ads"), campaign % 2),
            "ad_account": picked(("main", "other"), place % 2),
            "campaign_id": ids("c", campaign),
            "ad_group": ids("group ", place // CAMPAIGNS),
            "keyword": ids("keyword ", place % 7919),
            "channel": picked(CHANNELS, channel_of(campaign)),
            "impressions": pa.array(impressions),
            "clicks": pa.array(clicks),
            "spend": cents(clicks * rng.integers(20, 400, n)),
            "currency": picked(("EUR",), np.zeros(n, np.int64)),
        }
    )


def _email_events(rng: np.random.Generator, numbers: np.ndarray, moments) -> pa.Table:  # type: ignore[no-untyped-def]
    n = len(numbers)
    sent = moments(n)
    when, day = pair(sent)
    later, later_day = pair(sent + rng.integers(0, 86400, n))
    kind = np.searchsorted([0.42, 0.82, 0.94], rng.random(n))
    return pa.table(
        {
            "event_id": ids("e", numbers),
            "message_id": ids("m", numbers // 2),
            "kind": picked(("sent", "delivered", "opened", "clicked"), kind),
            "machine": pa.array(rng.random(n) < 0.1),
            "sent_at": when,
            "sent_at__day": day,
            "occurred_at": later,
            "occurred_at__day": later_day,
            "campaign_id": ids("c", rng.integers(0, CAMPAIGNS, n)),
            "mailing": picked(tuple(f"mailing {i}" for i in range(50)), rng.integers(0, 50, n)),
        }
    )


def _leads(size: Size, rng: np.random.Generator, numbers: np.ndarray, moments) -> pa.Table:  # type: ignore[no-untyped-def]
    n = len(numbers)
    created = moments(n)
    campaign = rng.integers(0, CAMPAIGNS, n)
    inquiry = rng.random(n) < 0.5
    inquired = created + rng.integers(0, 86400 * 10, n)
    answered = inquired + rng.exponential(20000, n).astype(np.int64)
    mql = created + rng.integers(0, 86400 * 60, n)
    is_mql = rng.random(n) < 0.4
    rows: Columns = {
        "lead_id": ids("l", numbers),
        "account_id": ids("a", (size.accounts * rng.random(n) ** 1.5).astype(np.int64)),
        "visitor_id": ids("v", (size.visitors * rng.random(n) ** 1.6).astype(np.int64)),
        "campaign_id": ids("c", campaign),
        "channel": picked(CHANNELS, channel_of(campaign), rng.random(n) < 0.02),
        "country": picked(COUNTRIES, rng.integers(0, 12, n)),
        "stage": picked(("new", "mql", "sql"), rng.integers(0, 3, n)),
    }
    for name, seconds, there in (
        ("created_at", created, None),
        ("inquired_at", inquired, inquiry),
        ("first_response_at", answered, inquiry & (rng.random(n) < 0.9)),
        ("mql_at", mql, is_mql),
        ("sales_qualified_at", mql + rng.integers(0, 86400 * 40, n), is_mql & (rng.random(n) < 0.5)),
    ):
        rows[name], rows[f"{name}__day"] = pair(seconds, there)
    return pa.table(rows)


def _costs(rng: np.random.Generator, first: date, days: int) -> pa.Table:
    place = np.tile(np.arange(len(CHANNELS)), days)
    n = len(place)
    start = (first - date(1970, 1, 1)).days
    day = np.repeat(np.arange(days), len(CHANNELS)) + start
    return pa.table(
        {
            "cost_id": ids("k", day * 100 + place),
            "day": pa.array(day, pa.int32()).cast(pa.date32()),
            "kind": picked(("media",), np.zeros(n, np.int64)),
            "function": picked(("marketing",), np.zeros(n, np.int64)),
            "channel": picked(CHANNELS, place),
            "amount": cents(rng.integers(1000, 500_000, n)),
            "currency": picked(("EUR",), np.zeros(n, np.int64)),
        }
    )


def _opportunities(size: Size, rng: np.random.Generator, numbers: np.ndarray, moments) -> pa.Table:  # type: ignore[no-untyped-def]
    n = len(numbers)
    created = moments(n)
    status = np.searchsorted([0.3, 0.55], rng.random(n))
    rows: Columns = {
        "opportunity_id": ids("o", numbers),
        "account_id": ids("a", rng.integers(0, size.accounts, n)),
        "channel": picked(CHANNELS, rng.integers(0, len(CHANNELS), n)),
        "status": picked(("open", "won", "lost"), status),
        "amount": cents(rng.integers(100_000, 20_000_000, n)),
        "currency": picked(("EUR",), np.zeros(n, np.int64)),
    }
    rows["created_at"], rows["created_at__day"] = pair(created)
    rows["closed_at"], rows["closed_at__day"] = pair(created + rng.integers(86400, 86400 * 200, n), status > 0)
    return pa.table(rows)


# --- a file ----------------------------------------------------------------------------------------------------------
SOURCE = """\
path: sessions.csv
load: incremental
encoding: utf-8
tables:
  web_sessions:
    columns:
      session_id: session
      visitor_id: visitor
      started_at: started
      medium: medium
      channel: channel
      campaign_id: campaign
      page_views: pages
      duration_seconds: seconds
      bounced: bounced
      device:
        column: device
        values: {desktop: desktop, mobile: mobile, tablet: tablet}
        unlisted: quarantine
      country: country
"""


def write_file(path: Path, rows: int, seed: int) -> None:
    """A text file of visits, as an export gives them, and the source file beside it that maps it."""
    from pyarrow import csv

    size = Size.of(1.0)
    rng = np.random.default_rng([seed, 2])
    start = seconds_of(FIRST)
    table = _sessions(size, rng, np.arange(rows), lambda n: np.sort(start + rng.integers(0, 86400 * 365, n)))
    heads = {
        "session_id": "session", "visitor_id": "visitor", "started_at": "started", "medium": "medium",
        "channel": "channel", "campaign_id": "campaign", "page_views": "pages", "duration_seconds": "seconds",
        "bounced": "bounced", "device": "device", "country": "country",
    }  # fmt: skip
    chosen = table.select(list(heads)).rename_columns(list(heads.values()))
    place = chosen.schema.get_field_index("started")
    chosen = chosen.set_column(
        place, "started", pc.strftime(chosen["started"].cast(pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")
    )
    csv.write_csv(chosen, path / "sessions.csv")
    (path / "sources").mkdir()
    (path / "sources" / "sessions.yml").write_text(SOURCE, encoding="utf-8")
