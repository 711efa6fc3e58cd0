"""A company's year drawn from a seed: rows by batch as they would be loaded, and what is true once all are loaded.

Everything that goes wrong in real data is in it: empty cells, ties, rows that come late, come twice or are corrected,
people and companies that were merged, deleted rows, dates known to the day alone, impossible dates, the nights in which
the clock is changed, refunds, two currencies with rates that are missing for weeks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from headwater.api.workspace import Workspace
from headwater.model.catalogue import Catalogue
from headwater.model.types import DAY_SUFFIX, Kind
from tests.catalogue import dealings, reach
from tests.catalogue.selling import sell
from tests.world import land, world

Row = dict[str, Any]
ZONE = ZoneInfo("Europe/Berlin")
FIRST, LAST = date(2024, 10, 1), date(2025, 9, 30)
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
OUTCOMES = ("opportunities", "quotes")
"""Tables that another source delivers, which is complete for fewer days."""

CHANNELS = ("email", "Paid Search", "events", None)
KINDS_OF_COST = (
    "media", "media", "people", "tools", "content", "events", "programme", "overhead", "cost_to_serve",
)  # fmt: skip
NASTY = (
    "2024-10-27T00:30:00", "2024-10-27T01:30:00",  # half past two, twice
    "2025-03-30T00:59:59", "2025-03-30T01:00:00",  # a second apart, an hour by the clock
    "2024-12-31T22:59:59", "2024-12-31T23:00:00",  # the turn of the year
    "2025-01-31T22:59:59", "2025-01-31T23:00:00", "2025-06-30T21:59:59", "2025-06-30T22:00:00",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estate:
    """Rows by table, one mapping a batch; `through` by table."""

    batches: tuple[Mapping[str, list[Row]], ...]
    through: Mapping[str, date]


def local_day(moment: str) -> date:
    """The date in Berlin of a moment as it is written here: an instant of UTC, or a day alone."""
    if len(moment) == 10:
        return date.fromisoformat(moment)
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(ZONE).date()


class Draw:
    """A company's year, drawn row by row."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.rows: dict[str, list[Row]] = defaultdict(list)
        for draw in (
            self.companies,
            self.people,
            self.deals,
            self.visits,
            self.advertising,
            self.mails,
            self.snapshots,
        ):
            draw()
        for draw in (self.books, self.movements, self.answers):
            draw()
        dealings.deal(self, seed)
        sell(self, seed, FIRST, (LAST - FIRST).days)
        reach.reach(self, seed, FIRST, (LAST - FIRST).days)

    # --- small draws -------------------------------------------------------------------------------------------------
    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def maybe(self, value: Any, share: float = 0.9) -> Any:
        return value if self.chance(share) else None

    def pick(self, *values: Any) -> Any:
        return self.random.choice(values)

    def moment(self, day_alone: float = 0.1) -> str:
        """Any moment of the year."""
        if self.chance(0.12):
            return self.pick(*NASTY)
        seconds = self.random.randrange((LAST - FIRST).days * 86400)
        moment = datetime(2024, 10, 1) + timedelta(seconds=seconds - seconds % self.pick(1, 3600))
        return moment.date().isoformat() if self.chance(day_alone) else moment.isoformat()

    def after(self, moment: str | None, mean_days: float, share: float = 1.0, wrong: float = 0.03) -> str | None:
        """A moment some time after another one; None with the rest of the share, or when it would lie after the end."""
        if moment is None or not self.chance(share):
            return None
        days = self.random.expovariate(1 / mean_days) * (-0.3 if self.chance(wrong) else 1)
        start = datetime.fromisoformat(moment if len(moment) > 10 else f"{moment}T11:00:00")
        later = start + timedelta(seconds=int(days * 86400))
        if self.chance(0.1) and mean_days > 1:
            later = start + timedelta(days=self.pick(14, 90, 180))
        text = later.date().isoformat() if self.chance(0.08) else later.isoformat()
        return text if FIRST <= local_day(text) <= LAST else None

    def money(self, most: int = 5000) -> str:
        return str(Decimal(self.random.randrange(100, most * 100)) / 100)

    def currency(self) -> str:
        return self.pick("EUR", "EUR", "EUR", "USD")

    def put(self, table: str, **row: Any) -> Row:
        self.rows[table].append(row)
        return row

    # --- tables ------------------------------------------------------------------------------------------------------
    def companies(self) -> None:
        for n in range(70):
            self.put(
                "accounts", account_id=f"a{n}", industry=self.pick("food", "tools", None),
                churned_at=self.maybe(self.moment(), 0.05),
            )  # fmt: skip

    def people(self) -> None:
        for n in range(320):
            lead = f"l{n}"
            created = self.moment()
            mql = self.after(created, 25, 0.6)
            stages = {
                "mql": mql,
                "handed_over": self.after(mql, 4, 0.8) or self.after(created, 30, 0.06),
                "sal": None,
                "sales_qualified": self.after(mql, 45, 0.6) or self.after(created, 40, 0.04),
            }
            stages["sal"] = self.after(stages["handed_over"], 10, 0.7) or self.after(created, 20, 0.04)
            asked = "2025-06-15T14:00:00" if n % 40 == 0 else self.after(created, 0.5, 0.6, wrong=0)
            answered = self.after(asked, self.pick(0.003, 0.003, 2), 0.8)
            if asked is not None and len(asked) > 10 and self.chance(0.1):
                answered = (datetime.fromisoformat(asked) + timedelta(seconds=self.pick(299, 300, 301))).isoformat()
            row = self.put(
                "leads", lead_id=lead, created_at=created, channel=self.pick(*CHANNELS),
                account_id=self.maybe(f"a{self.random.randrange(70)}", 0.8),
                from_web=self.pick(True, True, False, None), icp_fit=self.pick(True, False, None),
                visitor_id=self.maybe(f"v{self.random.randrange(150)}", 0.5),
                inquiry=self.pick(True, True, False, None), inquired_at=asked, first_response_at=answered,
                response_business_seconds=self.maybe(self.random.randrange(30, 90_000), 0.8) if answered else None,
            )  # fmt: skip
            for stage, entered in stages.items():
                mapped = self.chance(0.5)
                row[f"{stage}_at"] = entered if mapped else None
                if entered is None or (mapped and not self.chance(0.1)):
                    continue
                self.entries("lead", lead, stage, entered, row["channel"])

    def entries(self, kind: str, subject: str, stage: str, entered: str, channel: str | None) -> None:
        """A first entry into a stage, and sometimes a second one."""
        number = 1
        seen: set[str] = set()
        moment: str | None = entered
        while moment is not None and moment not in seen:
            seen.add(moment)
            left = self.after(moment, 12, 0.7)
            self.put(
                "stage_entries", subject_kind=kind, subject_id=subject, stage=stage, entered_at=moment, exited_at=left,
                entry=self.maybe(number), channel=channel,
            )  # fmt: skip
            number += 1
            moment = self.after(left, 20, 0.25)

    def deals(self) -> None:
        first = {
            "opportunity_id": "o",
            "account_id": "a1",
            "status": "won",
            "closed_at": "2024-10-02",
            "currency": "EUR",
        }
        self.put("opportunities", **first, _updated_at="2024-10-02T11:00:00+00:00")
        leads = self.rows["leads"]
        for n in range(280):
            lead = self.pick(*leads) if self.chance(0.65) else None
            stages = {} if lead is None else lead
            begun = stages.get("sales_qualified_at") or stages.get("created_at") or self.moment()
            created = self.after(begun, 30) or self.moment()
            closed = self.after(created, 55, 0.75)
            decided = self.pick("won", "lost", "won", "lost", "won", "lost", "open")  # or opened again
            status = decided if closed else "open"
            known = created if closed is None or not self.chance(0.06) else None
            deal = f"o{n}"
            row: Row = {
                "opportunity_id": deal,
                "lead_id": lead["lead_id"] if lead else None,
                "account_id": self.maybe(f"a{self.random.randrange(70)}"),
                "created_at": known,
                "closed_at": None,
                "status": "open",
                "kind": self.pick("new", "new", "upsell", "renewal", None),
                "origin": self.pick("marketing", "marketing", "sales", None),
                "product": self.pick("x", "y", None),
                "channel": self.pick(*CHANNELS),
                "currency": self.currency(),
                "created_amount": self.maybe(self.money()),
                "amount": self.maybe(self.money()),
                "annual_amount": self.maybe(self.money(2000)),
                "win_probability": self.maybe(str(Decimal(self.random.randrange(0, 100)) / 100)),
                "qualified_at": self.after(created, 6, 0.35),
                "competitor": None,
            }
            self.history(row, created, closed, status)
            if self.chance(0.3):
                self.entries("opportunity", deal, "qualified", created, row["channel"])
            for revision in range(self.pick(0, 1, 1, 2)):
                issued = self.after(created, 15)
                if issued is not None:
                    quoted = self.maybe(deal, 0.95)
                    self.put("quotes", quote_id=f"q{n}-{revision}", opportunity_id=quoted, issued_at=issued)

    def history(self, row: Row, created: str, closed: str | None, status: str) -> None:
        """The states of a deal: opened, sometimes changed, closed."""
        moments = [m if len(m) > 10 else f"{m}T11:00:00" for m in (created, self.after(created, 20, 0.6, wrong=0)) if m]
        if self.chance(0.04):
            moments = [m for m in (self.after(created, 30, wrong=0) or created,) if len(m) > 10] or moments[:1]
        end = "" if closed is None else closed if len(closed) > 10 else f"{closed}T11:00:00"
        states = sorted({m for m in moments if not end or m < end})
        for at in states:
            self.put("opportunities", **row, _updated_at=f"{at}+00:00")
            if self.chance(0.7):
                row = {**row, "amount": self.maybe(self.money()), "win_probability": self.maybe("0.5")}
        if closed is not None:
            competitor = self.pick("acme", None) if status == "lost" else self.maybe("acme", 0.1)
            row = {**row, "closed_at": closed, "status": status, "competitor": competitor}
            self.put("opportunities", **row, _updated_at=f"{end}+00:00")

    def visits(self) -> None:
        for n in range(480):
            self.put(
                "web_sessions", session_id=f"s{n}", started_at=self.moment(0.05),
                visitor_id=self.maybe(f"v{self.random.randrange(150)}"), medium=self.pick("organic", "cpc", None),
                channel=self.pick(*CHANNELS), engaged=self.pick(True, False, None),
                page_views=self.pick(0, 1, 1, 1, 2, 5, None),
            )  # fmt: skip

    def advertising(self) -> None:
        for n in range(330):
            shown = self.maybe(self.random.randrange(0, 3000))
            self.put(
                "ad_days", day=(FIRST + timedelta(n + self.pick(0, 1, 2))).isoformat(),
                platform=self.pick("search", "social"), ad_account="x", campaign_id=f"c{n}", ad_group="g", keyword="k",
                channel=self.pick(*CHANNELS),
                impressions=shown, clicks=self.maybe(self.random.randrange(0, 80)), spend=self.maybe(self.money(200)),
                conversions=self.maybe(self.pick("0", "1", "2.5")), currency=self.currency(),
            )  # fmt: skip

    def mails(self) -> None:
        number = 0
        for n in range(170):
            sent, list_ = self.moment(0.05), self.pick("news", "old", None)
            kinds = ["sent"] * self.pick(1, 1, 1, 1, 2) if self.chance(0.97) else []
            kinds += ["bounced"] * self.pick(0, 0, 0, 1, 2)
            kinds += ["opened"] * self.pick(0, 1, 3) + ["clicked"] * self.pick(0, 0, 1, 2)
            kinds += ["unsubscribed"] * self.pick(*[0] * 8, 1, 2) + ["complained"] * self.pick(*[0] * 18, 1)
            for kind in kinds:
                number += 1
                self.put(
                    "email_events", event_id=f"e{number}", message_id=f"m{n}", kind=kind, sent_at=sent, list=list_,
                    bounce_kind=self.pick("hard", "soft", None) if kind == "bounced" or self.chance(0.1) else None,
                    machine=self.pick(True, False, None), occurred_at=self.after(sent, 3),
                )  # fmt: skip

    def snapshots(self) -> None:
        days = (LAST - FIRST).days
        for n in range(7):
            for day in sorted({self.random.randrange(days) for _ in range(18 if n else 4)}):
                self.put(
                    "social_days", profile_id=f"p{n}", day=(FIRST + timedelta(day)).isoformat(),
                    platform=self.pick("x", "y"), followers=self.maybe(self.random.randrange(50, 900)),
                )  # fmt: skip
        for n in range(20):
            for day in sorted({self.random.randrange(days) for _ in range(11)}):
                self.put(
                    "seo_snapshots", referring_domain=f"d{n}.com", day=(FIRST + timedelta(day)).isoformat(),
                    links=self.maybe(self.random.randrange(0, 40)), live=self.pick(True, True, True, False, None),
                    country=self.pick("DE", "AT", None),
                )  # fmt: skip

    def books(self) -> None:
        """Costs, postings, and the rates published every few days, but for three weeks in which nobody did."""
        for n in range(260):
            self.put(
                "costs", cost_id=f"k{n}", **self.booked(), channel=self.pick(*CHANNELS),
                kind=self.pick(*KINDS_OF_COST),
                function=self.pick("marketing", "marketing", "sales", "service"),
                purpose=self.pick("new_business", "expansion", "retention", "general", None),
            )  # fmt: skip
        for n in range(260):
            self.put(
                "ledger", posting_id=f"b{n}", **self.booked(), cash=self.pick(True, False, False),
                kind=self.pick("revenue", "revenue", "cogs", "opex", "tax"), product=self.pick("x", "y", None),
            )  # fmt: skip
        day = FIRST
        while day <= LAST:
            if not date(2025, 5, 20) < day < date(2025, 6, 11):
                rate = f"0.{self.random.randrange(8000, 9900)}"
                self.put("exchange_rates", currency="USD", day=day.isoformat(), rate=rate)
            day += timedelta(self.pick(1, 2, 4))

    def booked(self) -> Row:
        """A day, an amount that is sometimes taken back, and its currency."""
        sign = "-" if self.chance(0.08) else ""
        return {"day": local_day(self.moment()).isoformat(), "amount": sign + self.money(), "currency": self.currency()}

    def movements(self) -> None:
        for n in range(220):
            kind = self.pick("new", "new", "expansion", "contraction", "churn", "reactivation")
            sign = "-" if kind in ("contraction", "churn") else ""
            self.put(
                "subscriptions", movement_id=f"t{n}", account_id=f"a{self.random.randrange(70)}", kind=kind,
                occurred_at=self.moment(), mrr_change=sign + self.money(90), currency=self.currency(),
                plan=self.pick("pro", "free", None),
            )  # fmt: skip

    def answers(self) -> None:
        for n in range(260):
            kind = self.pick("nps", "nps", "csat", "csat", "other")
            scale = self.pick(10, 10, None) if kind == "nps" else self.pick(5, 5, 5, 7, 1, None)
            top = 10 if kind == "nps" else scale or 5
            invited = self.moment()
            self.put(
                "surveys", survey_id=f"y{n}", kind=kind, scale=scale, invited_at=invited,
                answered_at=self.after(invited, 12, 0.8), score=self.maybe(str(self.random.randrange(0, top + 1))),
                product=self.pick("x", "y", None), account_id=f"a{n % 7}" if n % 5 else None,
            )  # fmt: skip


# --- as batches -------------------------------------------------------------------------------------------------------
def estate(seed: int) -> Estate:
    """The year of a seed in three loads. Rows come in any of them; some come again, corrected or not; in the last one
    some were deleted and some merged into others."""
    draw = Draw(seed)
    random = draw.random
    batches: list[dict[str, list[Row]]] = [defaultdict(list) for _ in range(3)]
    for table, rows in draw.rows.items():
        own = table in (*dealings.TABLES, *reach.TABLES)
        random = Random(f"{seed} {table}") if own else draw.random
        for row in rows:
            first = 0 if table == "accounts" else random.choice((0, 0, 0, 1, 2))
            batches[first][table].append(row)
            if first < 2 and "_updated_at" not in row and random.random() < 0.08:
                batches[2][table].append({**row, **_corrected(table, row, random)})
    random = draw.random
    for table in ("leads", "costs", "web_sessions", "ad_days"):
        for row in random.sample(batches[0][table], 5):
            batches[2][table] = [r for r in batches[2][table] if not _same(table, r, row)]
            batches[2][table].append({**row, "_deleted": True})
    for table in ("leads", "accounts"):
        gone, kept = random.sample(batches[0][table], 6), random.sample(batches[0][table], 6)
        for loser, survivor in zip(gone, kept, strict=True):
            key, told = KEYS[table][0], any(_same(table, loser, r) for r in batches[2][table])
            if loser[key] != survivor[key] and survivor not in gone and not told:
                batches[2][table].append({**loser, "_merged_into": survivor[key]})
    _happen_late(batches, Random(seed))
    _merge_more(batches, Random(seed))
    _enter_together(batches, Random(seed))
    dealings.score(batches, Random(f"{seed} scores"))
    dealings.walk(batches, Random(f"{seed} funnel"))
    dealings.publish(batches, Random(f"{seed} rates"))
    through = dict.fromkeys(draw.rows, LAST) | dict.fromkeys(OUTCOMES, LAST - timedelta(10))
    for name in OUTCOMES:
        for batch in batches:
            batch[name] = [r for r in batch[name] if _latest(r) <= through[name]]
    return Estate(tuple(batches), through)


def _happen_late(batches: list[dict[str, list[Row]]], random: Random) -> None:
    """Some mails are opened, and some leads and deals qualified, long after what they are counted by."""
    late = {
        "email_events": ("occurred_at", ("sent_at",)),
        "leads": ("mql_at", ("sal_at", "handed_over_at", "created_at")),
        "opportunities": ("qualified_at", ("closed_at", "created_at")),
    }
    for table, (column, starts) in late.items():
        moved: dict[Any, str | None] = {}
        rows = [r for b in batches for r in b[table] if r.get(column) is not None]
        for row in rows:
            key, begun = row[KEYS[table][0]], next((row[n] for n in starts if row.get(n)), row[column])
            if key not in moved:
                days = random.choice((0, 0, 40, 120))
                day = local_day(begun) + timedelta(days)
                moved[key] = f"{day}T09:09:09" if days and day <= LAST else None
        for row in rows:
            row[column] = moved[row[KEYS[table][0]]] or row[column]


def _merge_more(batches: list[dict[str, list[Row]]], random: Random) -> None:
    """Some people and some deals with a history of stages turn out to be one with another."""
    for table, kind in (("leads", "lead"), ("opportunities", "opportunity")):
        key = KEYS[table][0]
        entered = {r["subject_id"] for b in batches for r in b["stage_entries"] if r["subject_kind"] == kind}
        last: dict[str, Row] = {}
        for row in sorted((r for b in batches for r in b[table]), key=lambda r: r.get("_updated_at", "")):
            last[row[key]] = row
        standing = {n for n, r in last.items() if "_merged_into" not in r and "_deleted" not in r}
        standing -= {r["_merged_into"] for r in last.values() if "_merged_into" in r}
        losers = random.sample(sorted(entered & standing), 12)
        for loser, survivor in zip(losers, random.sample(sorted(standing - set(losers)), 12), strict=True):
            when = {"_updated_at": "2025-09-20T21:30:00+00:00"} if "_updated_at" in last[loser] else {}
            batches[2][table].append({**last[loser], "_merged_into": survivor, **when})


def _enter_together(batches: list[dict[str, list[Row]]], random: Random) -> None:
    """Companies enter stages too, and of those who turned out to be one some have entered a stage at one moment, but
    left it at another one."""
    kinds = {"leads": "lead", "opportunities": "opportunity", "accounts": "account"}
    entries = [(b, r) for b in batches for r in b["stage_entries"]]
    for table, kind in kinds.items():
        key = KEYS[table][0]
        for row in [r for r in batches[2][table] if r.get("_merged_into")]:
            mine = [(b, r) for b, r in entries if (r["subject_kind"], r["subject_id"]) == (kind, row[key])]
            if kind == "account":
                moment = f"2025-0{random.randrange(1, 10)}-11T10:00:00"
                new = {"subject_kind": kind, "subject_id": row[key], "stage": "target", "entered_at": moment}
                mine = [(random.choice(batches), {**new, "exited_at": None, "entry": 1, "channel": None})]
                mine[0][0]["stage_entries"].append(mine[0][1])
            for _, entry in mine[:: random.choice((1, 2))] if random.random() < 0.5 else []:
                day = local_day(entry["entered_at"])
                left = min(day + timedelta(random.randrange(1, 60)), LAST).isoformat() + "T11:11:11"
                twin = {**entry, "subject_id": row["_merged_into"], "exited_at": left}
                random.choice(batches)["stage_entries"].append(twin)


KEYS = {
    "accounts": ("account_id",), "leads": ("lead_id",), "opportunities": ("opportunity_id",), "quotes": ("quote_id",),
    "stage_entries": ("subject_kind", "subject_id", "stage", "entered_at"), "web_sessions": ("session_id",),
    "ad_days": ("day", "campaign_id"), "email_events": ("event_id",), "social_days": ("profile_id", "day"),
    "seo_snapshots": ("referring_domain", "day"), "costs": ("cost_id",), "ledger": ("posting_id",),
    "subscriptions": ("movement_id",), "surveys": ("survey_id",), "exchange_rates": ("currency", "day"),
    "contacts": ("contact_id",), "social_interactions": ("interaction_id",), "actions": ("action_id",),
    "orders": ("order_id", "line_number"), "contact_roles": ("opportunity_id", "contact_id"), "touches": ("touch_id",),
    "activities": ("activity_id",),
    "search_days": ("engine", "query", "country", "device", "day"), "content_items": ("content_id",),
}  # fmt: skip
CORRECTED = {
    "leads": ("icp_fit", (True, False)), "costs": ("amount", ("11.50", "-3")), "ledger": ("amount", ("7", "12.25")),
    "web_sessions": ("page_views", (1, 3)), "ad_days": ("clicks", (7, 0)), "surveys": ("score", ("1", "5")),
    "social_days": ("followers", (1, 77)), "seo_snapshots": ("links", (2, 9)),
}  # fmt: skip


def _corrected(table: str, row: Row, random: Random) -> Row:
    """What a row that comes again says otherwise: often nothing."""
    if table not in CORRECTED or random.random() < 0.5:
        return {}
    name, values = CORRECTED[table]
    return {name: random.choice(values)}


def _same(table: str, one: Row, other: Row) -> bool:
    return all(one[k] == other[k] for k in KEYS[table])


def _latest(row: Row) -> date:
    """The last day a row of an outcome speaks of."""
    names = ("created_at", "closed_at", "issued_at", "_updated_at")
    return max(local_day(str(row[n]).removesuffix("+00:00")) for n in names if row.get(n) is not None)


def loaded(path: Path, made: Estate) -> Workspace:
    """The year as a workspace, load by load."""
    workspace = world(path, {}, {"currency": "EUR", "time_zone": "Europe/Berlin"}, now=NOW, build=False)
    for batch in made.batches:
        for source, own in (("crm", True), ("rest", False)):
            tables = {n: [_written(r) for r in rows] for n, rows in batch.items() if rows and (n in OUTCOMES) == own}
            land(workspace, tables, source=source, through=made.through["opportunities" if own else "leads"])
    workspace.refresh()
    return workspace


def _written(row: Row) -> Row:
    """A row as a file would write it: instants with their offset."""
    return {n: f"{v}+00:00" if isinstance(v, str) and len(v) == 19 and v[10] == "T" else v for n, v in row.items()}


# --- what is true -----------------------------------------------------------------------------------------------------
REFERENCES = {
    "lead_id": "leads",
    "account_id": "accounts",
    "opportunity_id": "opportunities",
    "referrer_account_id": "accounts",
}
VERSIONED = ("accounts", "opportunities")
SUBJECTS = {"lead": "leads", "opportunity": "opportunities", "account": "accounts"}


def truth(made: Estate, catalogue: Catalogue) -> duckdb.DuckDBPyConnection:
    """The rows that count, table by table, in an engine of their own, with `opportunities__versions` and
    `accounts__versions` beside them.

    A `time` column is a pair: the instant of UTC (empty where the day alone is known) and the local date.
    """
    connection = duckdb.connect()
    rows_of: dict[str, list[Row]] = defaultdict(list)
    for batch in made.batches:
        for table, rows in batch.items():
            rows_of[table] += rows
    merged = _merged(rows_of)
    for table, rows in rows_of.items():
        states: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in rows:  # the same subject by now, whatever it was called then
            found = _resolved(table, row, merged)
            states[tuple(found[k] for k in KEYS[table])].append(found)
        final: list[Row] = []
        versions: list[Row] = []
        for of_key in states.values():
            ordered = sorted(of_key, key=lambda r: r.get("_updated_at", ""))
            last = ordered[-1]
            if last.get("_deleted") or last.get("_merged_into"):
                continue
            final.append(last)
            for state, following in zip(ordered, [*ordered[1:], None], strict=True):
                until = None if following is None else following.get("_updated_at")
                versions.append({**state, "_valid_from": state.get("_updated_at"), "_valid_to": until})
        stored = {table: final} | ({f"{table}__versions": versions} if table in VERSIONED else {})
        for name, kept in stored.items():
            _create(connection, catalogue, table, name, kept)
    connection.execute('create table complete_through ("table" varchar, day date)')
    connection.executemany("insert into complete_through values (?, ?)", list(made.through.items()))
    return connection


def _merged(rows_of: Mapping[str, list[Row]]) -> dict[tuple[str, str], str]:
    """Which ids of which table live on under which other one, by the last word on each."""
    found: dict[tuple[str, str], str] = {}
    for table in REFERENCES.values():
        last = {row[KEYS[table][0]]: row for row in sorted(rows_of[table], key=lambda r: r.get("_updated_at", ""))}
        found |= {(table, key): row["_merged_into"] for key, row in last.items() if row.get("_merged_into")}
    return found


def _resolved(table: str, row: Row, merged: Mapping[tuple[str, str], str]) -> Row:
    """A row with the ids of survivors in place of those that were merged into them."""
    found = dict(row)
    named = {name: target for name, target in REFERENCES.items() if KEYS[table] != (name,)}
    if table == "stage_entries":
        named["subject_id"] = SUBJECTS[row["subject_kind"]]
    for name, target in named.items():
        while (target, found.get(name)) in merged:
            found[name] = merged[target, found[name]]
    return found


def _create(
    connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, table: str, name: str, rows: Iterable[Row]
) -> None:
    listed = list(rows)
    used = {n for row in listed for n in row if not n.startswith("_") or n in ("_valid_from", "_valid_to")}
    columns: dict[str, pa.Array] = {}
    for column in catalogue.tables[table].columns:
        if column.id not in used:
            continue
        values = [row.get(column.id) for row in listed]
        match column.type.kind:
            case Kind.TIME:
                columns |= _pair(column.id, values)
            case Kind.DAY:
                columns[column.id] = pa.array([v and date.fromisoformat(v) for v in values], pa.date32())
            case Kind.MONEY | Kind.NUMBER:
                columns[column.id] = pa.array([v and Decimal(v) for v in values], pa.decimal128(20, 10))
            case Kind.BOOLEAN:
                columns[column.id] = pa.array(values, pa.bool_())
            case Kind.INTEGER:
                columns[column.id] = pa.array(values, pa.int64())
            case _:
                columns[column.id] = pa.array(values, pa.string())
    for moment in ("_valid_from", "_valid_to"):
        if moment in used:
            columns |= _pair(moment, [row[moment] and row[moment].removesuffix("+00:00") for row in listed])
    connection.register("given", pa.table(columns))
    connection.execute(f'create table "{name}" as select * from given')
    connection.unregister("given")


def _pair(name: str, values: list[str | None]) -> dict[str, pa.Array]:
    instants = [None if v is None or len(v) == 10 else datetime.fromisoformat(v) for v in values]
    days = [None if v is None else local_day(v) for v in values]
    return {name: pa.array(instants, pa.timestamp("us")), name + DAY_SUFFIX: pa.array(days, pa.date32())}
