"""Exchange rates for every day: the last one published, carried for a few days; 1 for the reporting currency."""

from __future__ import annotations

from datetime import timedelta

from headwater.build import journal
from headwater.build.algebra import choose, columns, either, is_null, kept, present
from headwater.build.landed import BOOKKEEPING, Landing
from headwater.build.site import Change, Site, key_columns
from headwater.build.stored import Form, amended, anew, shared
from headwater.model.generation import StoredTable
from headwater.model.lowering import both
from headwater.model.plan import (
    Col,
    Join,
    Lit,
    Named,
    Op,
    Order,
    Over,
    Project,
    Relation,
    Scalar,
    Union,
    Values,
)
from headwater.model.table import Table
from headwater.model.types import DAY, INTEGER, TEXT

RATES = "exchange_rates"


def daily_rates(site: Site, table: Table, landing: Landing) -> StoredTable:
    """The rates of every day from the first one published to the last one, and the days it is carried."""
    form = Form(site, table, table.id)
    through = journal.complete_through(site.entries, table.id, site.settings.time_zone)
    old = site.previous.table(table.id) if site.previous else None
    since = site.since
    if old is not None and old.rows and since is not None and all(f.arrived <= since for f in site.feeds(table.id)):
        site.changes[table.id] = Change()
        return shared(form, old, through)
    fresh = f"fresh__{table.id}"
    site.workshop.keep(fresh, _every_day(site, form, landing))
    if old is not None and old.rows:
        result, site.changes[table.id] = amended(form, old, fresh, None, through)
    else:
        result, site.changes[table.id] = anew(form, kept(fresh), kept(fresh), through)
        site.workshop.drop(fresh)
    return result


def _every_day(site: Site, form: Form, landing: Landing) -> Relation:
    """The rates form's rows with their key. Rates are few, so they are always reckoned as a whole."""
    table, workshop = form.table, site.workshop
    stored = tuple(n for c in table.columns for n in (c.id,))
    narrow, current, published = (f"{n}__{table.id}" for n in ("narrow", "current", "published"))
    workshop.keep(narrow, landing.narrow())
    workshop.keep(current, landing.winners(narrow, landing.ended(narrow)))
    foreign = Op("ne", (Col("currency"), Lit(site.settings.currency)))
    rows = choose(
        landing.rows_of(current, landing.mapped), (*stored, *BOOKKEEPING), both(foreign, present(Col("rate")))
    )
    following = Over("lead", (Col("currency"),), (Order(Col("day")),), Col("day"))
    workshop.keep(published, Project(rows, (Named("_next", following),), keep_all=True))
    workshop.drop(narrow)
    steps = Values((("_n", INTEGER),), tuple((n,) for n in range(site.settings.rate_days + 1)))
    reached = Op("add_days", (Col("day", "left"), Col("_n", "right")))
    still = either(is_null(Col("_next", "left")), Op("lt", (reached, Col("_next", "left"))))
    others = tuple(n for n in (*stored, *BOOKKEEPING) if n not in ("day", "observed_on"))
    carried = Project(
        Join(kept(published), steps, "cross", unique=False),
        (
            *columns(others, "left"),
            Named("day", reached),
            Named("observed_on", Op("coalesce", (Col("observed_on", "left"), Col("day", "left")))),
        ),
        still,
    )
    names = form.names
    every: Relation = choose(carried, names)
    own = _own_currency(site, form, published)
    if own is not None:
        every = Union((every, own))
    return Project(every, key_columns(table), keep_all=True)


def _own_currency(site: Site, form: Form, published: str) -> Relation | None:
    low, high = site.span(kept(published), "day")
    if low is None or high is None:
        return None
    days = [low + timedelta(n) for n in range((high - low).days + site.settings.rate_days + 1)]
    spine = Values((("day", DAY),), tuple((d,) for d in days))
    given: dict[str, Scalar] = {
        "currency": Lit(site.settings.currency),
        "day": Col("day"),
        "rate": Lit(1),
        "observed_on": Col("day"),
        "_source": Lit(None, TEXT),
        "_load": Lit(None, INTEGER),
        "_row": Lit(None, INTEGER),
    }
    return Project(spine, tuple(Named(n, given.get(n, Lit(None, t))) for n, t in form.columns))
