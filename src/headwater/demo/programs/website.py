"""The website: visits, what visitors did, and the contacts that attribution saw."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.demo import cells, company, web
from headwater.demo.cells import Texts
from headwater.demo.clock import days
from headwater.demo.desk import MEDIUMS, WEB_SOURCES, Desk, Lost, chunks
from headwater.demo.frame import Frame
from headwater.demo.sheets import Text, write_parquet, write_text
from headwater.demo.world import World

WEB_CHANNELS = (
    "Paid Search",
    "Paid Social",
    "Organic Search",
    "Email",
    "Events",
    "Referral",
    "Affiliates",
    "Direct",
)


def web_sessions(desk: Desk) -> None:
    """Visits: years as Parquet from the warehouse, the last months as compressed texts with some days twice, and some
    visits of a month's last day only in the next file."""
    world, rng = desk.world, desk.rng("sessions")
    s = world.sessions
    day = days(s["at"])
    edges = world.span.starts()
    last_day = np.isin(day, edges - 1)
    recent = np.flatnonzero((day >= edges[-5] + 3) & ~last_day)
    broken = np.sort(rng.choice(recent, min(len(recent), 9), replace=False))
    for part in chunks(world, 4):
        start, end = part.start, part.end
        if not part.monthly:
            inside = s.take((day >= start) & (day < end))
            write_parquet(
                desk.folder / "web" / f"sessions-{part.name}.parquet", _typed(_session_columns(world, inside), inside)
            )
            continue
        file = f"sessions-{part.name}.csv.gz"
        held_back = last_day & (day == end - 1) & (s["session"] % 11 == 0) & (end < world.span.end)
        again = broken[(day[broken] >= start - 2) & (day[broken] < start)]
        rows = np.flatnonzero((day >= start - 2) & (day < end) & ~held_back)
        rows = rows[~np.isin(rows, again)]  # a broken row is not repeated
        mine = broken[(day[broken] >= start) & (day[broken] < end)]
        places = np.searchsorted(rows, mine)
        cut = dict(zip(places.tolist(), [f"s{int(n):09d},GA1.000" for n in s["session"][mine]], strict=True))
        for row in mine.tolist():
            key = f"s{int(s['session'][row]):09d}"
            desk.lost.append(Lost("web_sessions", f"web/{file}", key, row, "The line is cut off."))
        write_text(desk.folder / "web" / file, _session_columns(world, s.take(rows)), Text(broken=cut))


def _session_columns(world: World, s: Frame) -> dict[str, Texts]:
    host = ("google.com", "linkedin.com", "google.com", "", "", "logistik-heute.example", "partner.example", "")
    return {
        "session_id": cells.ids("s", s["session"], 9),
        "client_id": cells.ids("GA1.", s["visitor"], 9),
        "contact_id": cells.ids("C-", np.where(s["after"], world.leads["contact"][s["lead"]], -1)),
        "started_at": cells.iso(s["at"]),
        "medium": cells.coded(s["channel"], MEDIUMS),
        "source": cells.coded(s["channel"], WEB_SOURCES),
        "channel_group": cells.coded(s["channel"], WEB_CHANNELS),
        "campaign_id": cells.ids("CMP-", s["campaign"], 4),
        "referrer": cells.coded(s["channel"], host),
        "landing_page": cells.coded(s["page"], web.PAGES),
        "page_views": cells.whole(s["views"]),
        "duration_s": cells.whole(s["seconds"]),
        "engaged_s": cells.whole(s["engaged_seconds"]),
        "engaged": cells.yes(s["engaged"]),
        "new_visitor": cells.yes(s["new"]),
        "key_events": cells.whole(s["conversions"]),
        "device": cells.coded(s["device"], list(web.DEVICES)),
        "country": cells.coded(s["country"], company.COUNTRIES),
    }


def _typed(columns: dict[str, Texts], s: Frame) -> dict[str, Texts]:
    found = {
        name: pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column) for name, column in columns.items()
    }
    found["started_at"] = pa.array(s["at"].astype("datetime64[s]")).cast(pa.timestamp("ms", "UTC"))
    for name, column in (
        ("page_views", "views"),
        ("duration_s", "seconds"),
        ("engaged_s", "engaged_seconds"),
        ("key_events", "conversions"),
    ):
        found[name] = pa.array(s[column])
    for name, column in (("engaged", "engaged"), ("new_visitor", "new")):
        found[name] = pa.array(s[column])
    return found


def web_actions(desk: Desk) -> None:
    """What people did on the site, from the tag manager."""
    world = desk.world
    a = world.actions
    person = pc.if_else(
        pa.array(a["contact"] >= 0),
        cells.ids("C-", a["contact"]),
        pc.if_else(pa.array(a["lead"] >= 0), cells.ids("L-", a["lead"]), cells.ids("GA1.", a["visitor"], 9)),
    )
    form = a["kind"] == web.KINDS.index("form")
    forms = np.where(form, np.where(a["lead"] >= 0, a["lead"] % len(web.FORMS), a["page"] % len(web.FORMS)), -1)
    columns = {
        "event_id": cells.ids("e", a["action"], 8),
        "event": cells.coded(a["kind"], web.KINDS),
        "step": cells.coded(a["step"], web.STEPS),
        "ts": cells.whole(a["at"] * 1000),
        "person": person,
        "client_id": cells.ids("GA1.", a["visitor"], 9),
        "contact_id": cells.ids("C-", a["contact"]),
        "lead_id": cells.ids("L-", np.where(a["contact"] >= 0, a["lead"], -1)),
        "session_id": cells.ids("s", a["session"], 9),
        "page": cells.coded(a["page"], web.PAGES),
        "form": cells.coded(forms, web.FORMS),
        "content_id": cells.ids("K-", a["content"], 4),
        "campaign_id": cells.ids("CMP-", a["campaign"], 4),
        "channel_group": cells.coded(a["channel"], WEB_CHANNELS),
        "device": cells.coded(a["device"], list(web.DEVICES)),
        "goal": cells.yes(a["goal"], "1", "0"),
    }
    write_text(desk.folder / "web" / "events.csv.gz", columns)


def touchpoints(desk: Desk) -> None:
    """The customer data platform's list of touches."""
    t = desk.world.touches
    columns = {
        "touch_id": cells.ids("x", t["touch"], 8),
        "occurred_at": cells.moment(t["at"], zone="Europe/Berlin", between="T", end="offset"),
        "kind": cells.coded(t["kind"], web.TOUCH_KINDS),
        "marketing": cells.yes(t["marketing"], "t", "f"),
        "contact_id": cells.ids("C-", t["contact"]),
        "channel": cells.coded(t["channel"], WEB_CHANNELS),
        "campaign_id": cells.ids("CMP-", t["campaign"], 4),
    }
    write_text(desk.folder / "web" / "touchpoints.csv", columns, Text(";"))
