"""A small company whose records live, and what its KPIs are, reckoned row by row: an answer that shares nothing with
the build, the planner, the renderer and the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from statistics import median
from typing import Any

from headwater.metrics.language import parse_formula, parse_row_value
from headwater.model.catalogue import Catalogue
from headwater.model.kpi import BASE, Kpi, Variant
from headwater.model.measure import EVER, Alive, At, Clock, Latest, Measure, Reached, Span
from headwater.model.period import Calendar, Grain, Period, add_months
from headwater.model.question import Question
from headwater.model.settings import Settings
from headwater.model.table import Lookup
from headwater.model.types import ONE, Unit
from tests.build.oracle import Journal, Row, merges, rows_now, rows_regrouped, versions
from tests.build.world import local_day, moment, table

ZONE = "Europe/Berlin"
SETTINGS = Settings(time_zone=ZONE, memory_mb=512)
CARRIED = timedelta(SETTINGS.rate_days)

# --- definitions ------------------------------------------------------------------------------------------------------
ACCOUNTS = table("accounts", "account_id id, region text", "account_id", versions=True)
DEALS = table(
    "deals",
    "deal_id id, account_id id, created_at time, won_at time, closed_at time, amount money, currency text,"
    " stage text, region text",
    "deal_id",
    event="created_at",
    versions=True,
    splits_was=("region", "stage"),
    more={
        "account_id": {"refers": "accounts", "counted": True},
        "amount": {"currency": "currency"},
        "region": {"derive": Lookup("accounts", "account_id", "region")},
    },
)
PAYMENTS = table(
    "payments",
    "payment_id id, deal_id id, paid_at time, amount money, currency text",
    "payment_id",
    event="paid_at",
    partition="paid_at",
    more={"deal_id": {"refers": "deals", "counted": True}, "amount": {"currency": "currency"}},
)
FOLLOWERS = table(
    "followers", "profile text, day day, followers integer", "profile day", event="day", partition="day",
    more={n: {"required": True, "fixed": True} for n in ("profile", "day")},
)  # fmt: skip
RATES = table(
    "exchange_rates", "currency text, day day, rate number(18;10), observed_on day", "currency day", event="day",
    more={n: {"required": True, "fixed": True} for n in ("currency", "day")},
)  # fmt: skip
TABLES = {t.id: t for t in (ACCOUNTS, DEALS, PAYMENTS, FOLLOWERS, RATES)}


def _measure(
    name: str, of: str, clock: Clock, aggregate: str = "count", column: str = "", unit: str = "deal", **more: Any
) -> Measure:
    value = parse_row_value(column) if column else None
    return Measure(name, name, of, aggregate, clock, Unit.parse(unit), value, **more)


CREATED, PAID, OPEN = At("created_at"), At("paid_at"), Alive("created_at", "closed_at")
IN_TIME, SEEN = Span(30, "day"), Latest("day", ("profile",), Span(40, "day"))
MEASURES = {
    m.id: m
    for m in (
        _measure("deals", "deals", CREATED),
        _measure("won", "deals", At("won_at")),
        _measure("accounts_reached", "deals", CREATED, "count_distinct", "account_id", "account"),
        _measure("cycle", "deals", At("won_at"), "median", "days(created_at, won_at)", "day", empty=None),
        _measure("open", "deals", OPEN),
        _measure("pipeline", "deals", OPEN, "sum", "amount", "money"),
        _measure("in_time", "deals", Reached("created_at", "won_at", IN_TIME)),
        _measure("ever", "deals", Reached("created_at", "won_at", EVER, "p95")),
        _measure("paid", "payments", PAID, unit="payment"),
        _measure("payers", "payments", PAID, "count_distinct", "deal_id"),
        _measure("revenue", "payments", PAID, "sum", "amount", "money"),
        _measure("followers", "followers", SEEN, "sum", "followers", "follower"),
    )
}  # fmt: skip
FORMULAS = {
    "created": "deals",
    "reached": "accounts_reached",
    "lately": "trailing(deals, '2 months')",
    "wins": "won",
    "cycle": "cycle",
    "win_rate": "in_time / entered(in_time)",
    "ripe_rate": "ever / entered(ever)",
    "open": "open",
    "pipeline": "pipeline",
    "fallen": "lost(pipeline) / opening(pipeline)",
    "revenue": "revenue",
    "growth": "growth(revenue)",
    "average": "revenue / paid",
    "payers": "payers",
    "followers": "followers",
}


def _kpi(name: str, formula: str) -> Kpi:
    interval = "quantile" if name == "cycle" else "none"
    variant = Variant(BASE, parse_formula(formula), formula, "period", ONE, interval=interval)
    return Kpi(name, name, "", (variant,), BASE, ONE, "number", "up", "", "", "", "", "", "")


CATALOGUE = Catalogue(TABLES, MEASURES, {n: _kpi(n, f) for n, f in FORMULAS.items()}, "")
SPLITS = {
    "region": ("created", "reached", "wins", "cycle", "win_rate", "ripe_rate"),
    "stage": ("open", "pipeline"),
}
"""The KPIs that are asked by a split too."""


# --- what is true -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Time:
    """A moment as it is known: its instant, where that is known, and its local day."""

    at: datetime | None
    day: date


def _time(value: str | None) -> Time | None:
    if value is None:
        return None
    on = local_day(value, ZONE)
    assert on is not None
    return Time(moment(value) if len(value) > 10 else None, on)


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal as it is now; `states`: from which day on until which day it had which amount, currency and stage."""

    key: str
    account: str | None
    region: str | None
    created: Time | None
    won: Time | None
    closed: Time | None
    source: str
    states: tuple[tuple[date, date | None, Decimal | None, str | None, str | None], ...]


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment, or with a negative amount a refund."""

    deal: str | None
    day: date | None
    amount: Decimal | None
    currency: str | None


def _amount(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


class Truth:
    """The records as they stand after a journal, and every KPI of them."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        accounts = rows_now(journal, "accounts", "account_id")
        led = {t: merges(journal, t, key)[0] for t, key in (("accounts", "account_id"), ("deals", "deal_id"))}
        states: dict[str, list[Any]] = {}
        for key, begins, ends, *content in versions(journal, "deals", "deal_id", ("amount", "currency", "stage"), {}):
            amount, currency, stage = content
            until = None if ends is None else self._local(ends)
            states.setdefault(key, []).append((self._local(begins), until, _amount(amount), currency, stage))
        sources = _sources(journal, "deals", "deal_id")
        self.deals = []
        for key, row in rows_now(journal, "deals", "deal_id").items():
            account = led["accounts"].get(row.get("account_id"), row.get("account_id"))
            times = [_time(row.get(n)) for n in ("created_at", "won_at", "closed_at")]
            region = accounts.get(account or "", {}).get("region")
            self.deals.append(Deal(key, account, region, *times, sources[key], tuple(states[key])))
        self.payments = []
        for row in rows_now(journal, "payments", "payment_id").values():
            paid, deal = _time(row.get("paid_at")), row.get("deal_id")
            on = None if paid is None else paid.day
            amount = _amount(row.get("amount"))
            self.payments.append(Payment(led["deals"].get(deal, deal), on, amount, row.get("currency")))
        self.followers = {
            (profile, date.fromisoformat(on)): row.get("followers")
            for (profile, on), row in rows_regrouped(journal, "followers", lambda r: (r["profile"], r["day"])).items()
        }
        self.rates = {
            (currency, date.fromisoformat(on)): Decimal(row["rate"])
            for (currency, on), row in rows_regrouped(
                journal, "exchange_rates", lambda r: (r["currency"], r["day"])
            ).items()
            if row.get("rate") is not None and currency != SETTINGS.currency
        }

    def _local(self, instant: datetime) -> date:
        on = local_day(instant.isoformat(sep=" "), ZONE)
        assert on is not None
        return on

    # --- the small questions ------------------------------------------------------------------------------------------
    def through(self, of: str) -> dict[str, date]:
        """Through which day each source of a table is complete: as declared, else its last event that was loaded."""
        found: dict[str, date] = {}
        for load, loaded in zip(self.journal.loads, self.journal.hours, strict=True):
            if of not in load.tables:
                continue
            event = TABLES[of].event
            days = [d for r in load.tables[of] if (d := local_day(r.get(event), ZONE)) is not None]
            on = load.complete or (min(max(days), self._local(loaded)) if days else None)
            if on is not None:
                found[load.source] = max(found.get(load.source, on), on)
        return found

    def begins(self, of: str) -> date | None:
        """The first event day of a table."""
        return min(self.event_days(of), default=None)

    def event_days(self, of: str) -> list[date]:
        """The event days of the rows of a table."""
        match of:
            case "deals":
                return [d.created.day for d in self.deals if d.created is not None]
            case "payments":
                return [p.day for p in self.payments if p.day is not None]
            case "followers":
                return [day for _, day in self.followers]
            case _:
                return [day for _, day in self.rates]

    def rate(self, currency: str | None, on: date) -> Decimal | None:
        """What one of a currency is worth: by the last rate published within the days that it is carried."""
        if currency is None or currency == SETTINGS.currency:
            return Decimal(1)
        published = max((day for c, day in self.rates if c == currency and day <= on), default=None)
        return None if published is None or on - published > CARRIED else self.rates[currency, published]

    def added(self, amounts: Iterable[tuple[Decimal | None, str | None, date]]) -> Decimal | None:
        """A sum in the reporting currency; none where an amount has no rate."""
        total = Decimal(0)
        for amount, currency, on in amounts:
            if amount is None:
                continue
            rate = self.rate(currency, on)
            if rate is None:
                return None
            total += amount * rate
        return total

    # --- measures -----------------------------------------------------------------------------------------------------
    def measure(
        self, name: str, start: date, end: date, as_of: date, only: Callable[[Any], bool], split: str = ""
    ) -> Any:
        """A measure from `start` up to, not including `end`, of the rows that `only` lets in; None for no value."""
        match name:
            case "deals" | "accounts_reached":
                rows = [d for d in self.deals if d.created is not None and start <= d.created.day < end]
                mine = [d for d in rows if only(d)]
                told = rows if name == "deals" else [d for d in rows if d.account is not None]
                if not told and self._silent("deals", start, end):
                    return None
                return len(mine) if name == "deals" else len({d.account for d in mine} - {None})
            case "won" | "cycle":
                rows = [d for d in self.deals if d.won is not None and start <= d.won.day < end]
                if not self._any(name, rows, as_of) and self._silent("deals", start, end, event=False):
                    return None
                mine = [d for d in rows if only(d)]
                return len(mine) if name == "won" else _middle(self._lengths(mine, as_of))
            case "paid" | "payers" | "revenue":
                paid = [p for p in self.payments if p.day is not None and start <= p.day < end]
                if not self._some(name, paid) and self._silent("payments", start, end):
                    return None
                if name == "revenue":
                    return self.added((p.amount, p.currency, p.day) for p in paid if p.day is not None)
                return len(paid) if name == "paid" else len({p.deal for p in paid} - {None})
            case "followers":
                return self._followers(end)
            case _:
                return self._stock(name, end, only, split)

    def _any(self, name: str, rows: Sequence[Deal], as_of: date) -> bool:
        lengths = self._lengths(rows, as_of)
        return bool(rows) if name == "won" else bool(lengths)

    @staticmethod
    def _some(name: str, paid: Sequence[Payment]) -> bool:
        match name:
            case "paid":
                return bool(paid)
            case "payers":
                return any(p.deal is not None for p in paid)
            case _:
                return any(p.amount is not None for p in paid)

    def _silent(self, of: str, start: date | None, end: date, event: bool = True) -> bool:
        """Whether a table without rows in a window has nothing to say of it: it is empty, or its data lie elsewhere."""
        if not (self.deals if of == "deals" else self.payments if of == "payments" else self.followers):
            return True
        begins = self.begins(of)
        if not event:
            firsts = [b for t in ("deals", "payments", "followers", "exchange_rates") if (b := self.begins(t))]
            begins = min(firsts, default=None)
        if begins is not None and end <= begins:
            return True
        through = self.through(of)
        return start is not None and bool(through) and start > max(through.values())

    @staticmethod
    def _lengths(rows: Iterable[Deal], as_of: date) -> list[int]:
        """Seconds from creation to win; days where one of them is known to the day alone. What lies after the day asked
        as of is not known yet."""
        found = []
        for deal in rows:
            assert deal.won is not None
            if deal.created is None or deal.created.day > as_of:
                continue
            if deal.created.at is not None and deal.won.at is not None:
                found.append(int((deal.won.at - deal.created.at).total_seconds()))
            else:
                found.append((deal.won.day - deal.created.day).days * 86400)
        return found

    def alive(self, end: date) -> list[Deal]:
        """The deals begun and not closed before a day."""
        return [
            d
            for d in self.deals
            if d.created is not None and d.created.day < end and (d.closed is None or d.closed.day >= end)
        ]

    def state(self, deal: Deal, end: date) -> tuple[Decimal | None, str | None, str | None] | None:
        """Amount, currency and stage of a deal on the eve of a day; None where nobody had said so by then."""
        for begins, ends, *content in deal.states:
            if begins < end and (ends is None or ends >= end):
                amount, currency, stage = content
                return amount, currency, stage
        return None

    def _stock(self, name: str, end: date, only: Callable[[Any], bool], split: str) -> Any:
        return self._valued(name, self.alive(end), end, end, only, split)

    def lost(self, start: date, end: date, only: Callable[[Any], bool]) -> Any:
        """The pipeline of a day's eve that was closed from then on up to, not including `end`."""
        closed = [d for d in self.alive(start) if d.closed is not None and d.closed.day < end]
        return self._valued("pipeline", closed, start, end, only, "")

    def _valued(
        self, name: str, rows: Sequence[Deal], end: date, until: date, only: Callable[[Any], bool], split: str
    ) -> Any:
        """Deals on the eve of the day `end`, in a window that ends with `until`: how many, or what they are worth."""
        told = [d for d in rows if name == "open" or ((s := self.state(d, end)) is not None and s[0] is not None)]
        if not told and self._silent("deals", None, until):
            return None
        mine = [d for d in rows if only(d)]
        states = [self.state(d, end) for d in mine]
        if None in states and (name == "pipeline" or split == "stage"):
            return None
        if name == "open":
            return len(mine)
        eve = end - timedelta(1)
        return self.added((s[0], s[1], eve) for s in states if s is not None)

    def _followers(self, end: date) -> int | None:
        last: dict[str, tuple[date, int]] = {}
        for (profile, on), count in sorted(self.followers.items()):
            if count is not None and end - timedelta(40) <= on < end:
                last[profile] = (on, count)
        if not last and self._silent("followers", None, end):
            return None
        return sum(count for _, count in last.values())

    def cohort(
        self, name: str, start: date, end: date, as_of: date, only: Callable[[Any], bool]
    ) -> tuple[int | None, int | None, int]:
        """Of the deals created in a window: won (within 30 days), observed for long enough, and too young to tell. Long
        enough are 30 days, or as many as 95 of 100 completed deals took, rounded up."""
        rows = [d for d in self.deals if d.created is not None and start <= d.created.day < end]
        if not rows and self._silent("deals", None, end):
            return None, None, 0
        wait = 30 if name == "win_rate" else self._usual_wait(as_of)
        won = entered = young = 0
        for deal in rows:
            if not only(deal):
                continue
            assert deal.created is not None
            observed = self._observed(deal, as_of)
            if wait is None or deal.created.day + timedelta(wait) > observed:
                young += 1
                continue
            entered += 1
            last = deal.created.day + timedelta(30) if name == "win_rate" else observed
            won += deal.won is not None and deal.won.day <= min(last, observed)
        return won, entered, young

    def _observed(self, deal: Deal, as_of: date) -> date:
        """The last day on which a win of the deal can have been seen."""
        through = self.through("deals")
        return min(as_of, through.get(deal.source, min(through.values(), default=as_of)))

    def _usual_wait(self, as_of: date) -> int | None:
        """In how many days 95 of 100 completed deals were won, between ranks; None where none was."""
        days = sorted(
            (d.won.day - d.created.day).days
            for d in self.deals
            if d.created is not None and d.won is not None
            and d.created.day <= min(d.won.day, as_of) and d.won.day <= self._observed(d, as_of)
        )  # fmt: skip
        if not days:
            return None
        place = Fraction(95, 100) * (len(days) - 1)
        low = int(place)
        return ceil(days[low] + (place - low) * (days[min(low + 1, len(days) - 1)] - days[low]))

    # --- KPIs ---------------------------------------------------------------------------------------------------------
    def kpi(self, name: str, period: Period, as_of: date, only: Callable[[Any], bool], split: str = "") -> Any:
        """The value of a KPI in a period; None for no value."""
        edge = as_of + timedelta(1)

        def read(measure: str, of: Period = period) -> Any:
            return None if of.start >= edge else self.measure(measure, of.start, min(of.end, edge), as_of, only, split)

        match name:
            case "created":
                return read("deals")
            case "reached":
                return read("accounts_reached")
            case "lately":
                return read("deals", Period(add_months(period.end, -2), period.end))
            case "wins":
                return read("won")
            case "fallen":
                if period.start >= edge:
                    return None
                gone = self.lost(period.start, min(period.end, edge), only)
                had = self._stock("pipeline", period.start, only, split)
                return float(gone) / float(had) if gone is not None and had else None
            case "win_rate" | "ripe_rate":
                if period.start >= edge:
                    return None
                won, entered, _ = self.cohort(name, period.start, min(period.end, edge), as_of, only)
                return won / entered if entered and won is not None else None
            case "growth":
                now, base = read("revenue"), read("revenue", Calendar().before(period, Grain.MONTH))
                return float(now) / float(base) - 1 if now is not None and base else None
            case "average":
                total, of = read("revenue"), read("paid")
                return float(total) / of if total is not None and of else None
            case _:
                return read(name)

    def segments(self, name: str, split: str, periods: Sequence[Period], as_of: date) -> set[str | None]:
        """The values of a split that rows behind a KPI have in any of the periods."""
        edge = as_of + timedelta(1)
        found: set[str | None] = set()
        for period in periods:
            if period.start >= edge:
                continue
            end = min(period.end, edge)
            if split == "stage":
                found |= {self.stage(d, end) for d in self.alive(end)}
                continue
            for deal in self.deals:
                at = deal.won if name in ("wins", "cycle") else deal.created
                if at is not None and period.start <= at.day < end:
                    found.add(deal.region)
        return found

    def stage(self, deal: Deal, end: date) -> str | None:
        """The stage of a deal on the eve of a day."""
        state = self.state(deal, end)
        return None if state is None else state[2]

    def in_segment(self, split: str, value: str | None, end: date) -> Callable[[Any], bool]:
        """Which deals are of a segment."""
        return lambda deal: (self.stage(deal, end) if split == "stage" else deal.region) == value


def _middle(lengths: Sequence[int]) -> float | None:
    there = [n for n in lengths if n >= 0]
    return median(there) / 86400 if there else None


def _sources(journal: Journal, of: str, key: str) -> Mapping[str, str]:
    """Which source has the last word on each key."""
    from tests.build.oracle import standing

    found = {}
    for name, (facts, ends) in journal.history(of, key).items():
        best = standing(facts, ends)
        if best is not None:
            found[name] = best.source
    return found


def steps(period: Period, grain: Grain) -> list[Period]:
    """The periods of a question, cut at its ends."""
    if grain is Grain.ALL:
        return [period]
    spine = Calendar().spine(period, grain)
    return [Period(max(s.start, period.start), min(s.end, period.end)) for s in spine]


def question(names: Sequence[str], period: Period, as_of: date, grain: Grain, by: tuple[str, ...] = ()) -> Question:
    """A question of the small company."""
    return Question(tuple(names), as_of, period, grain, by)


def hours(start: datetime, number: int) -> list[datetime]:
    """When loads that come an hour apart arrive, in UTC."""
    return [start.astimezone(UTC).replace(tzinfo=None) + timedelta(hours=n) for n in range(1, number + 1)]


__all__ = ["CATALOGUE", "FORMULAS", "SETTINGS", "SPLITS", "TABLES", "Row", "Truth", "hours", "question", "steps"]
