"""What `check` tells of the rules of identity and channels, and how trace and records show the rule."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headwater import Workspace
from tests.world import fresh, world

CONTACTS = """\
path: {name}.csv
system: {name}
load: full
tables:
  contacts:
    columns: {{contact_id: contact_id, email: email}}
"""
SESSIONS = """\
path: web.csv
tables:
  web_sessions:
    columns: {session_id: session_id, started_at: started_at, visitor_id: visitor_id}
"""
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
TABLES = {
    "contacts": [
        {"contact_id": "1", "email": "ann@one.org"},
        {"contact_id": "2", "email": "info@two.org"},
        {"contact_id": "3", "email": "info@two.org"},
    ],
    "leads": [
        {"lead_id": "a", "created_at": "2026-01-05T10:00", "email": "ANN@one.org", "visitor_id": "v1"},
        {"lead_id": "b", "created_at": "2026-01-06T10:00", "email": "info@two.org", "visitor_id": "v2"},
        {"lead_id": "c", "created_at": "2026-01-07T10:00", "email": "new@three.org"},
        {"lead_id": "d", "created_at": "2026-01-08T10:00"},
        {"lead_id": "e", "created_at": "2026-01-09T10:00", "contact_id": "3", "visitor_id": "v1"},
    ],
    "web_sessions": [
        {"session_id": "s1", "started_at": "2026-01-05T09:00", "visitor_id": "v1", "source": "google", "medium": "cpc"},
        {"session_id": "s2", "started_at": "2026-01-05T09:00", "visitor_id": "v3", "source": "poster", "medium": "qr"},
        {"session_id": "s3", "started_at": "2026-01-05T09:00"},
    ],
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    path: Path = tmp_path_factory.mktemp("identifying")
    return world(path, TABLES, {"currency": "EUR", "time_zone": "UTC"}, now=NOW)


def test_check_counts_what_led_to_somebody_and_what_did_not(company: Workspace) -> None:
    checked = company.check()
    told = {(r.check, r.subject.partition(": ")[2] or r.subject): (r.state, r.what) for r in checked.results}
    assert told["match rate", "leads.contact_id"] == (
        "warning",
        "50.0% of 4 rows that name something: id 1, mail 1; (several) 1 (such as b); (no match) 1 (such as c);"
        " 1 name nothing",
    )
    assert told["match rate", "web_sessions.contact_id"] == (
        "ok",
        "50.0% of 2 rows that name something: cookie 1; (no match) 1 (such as s2); 1 name nothing",
    )
    assert told["unassigned channels", "web_sessions.channel"] == (
        "warning",
        "1 of 3 rows are (unassigned) (such as s2); 1 say nothing of where they came from",
    )
    assert told["cookies of two", "contacts"] == (
        "warning",
        "1 of 1 cookies of forms were used by several persons",
    )
    assert told["addresses of two", "contacts"] == (
        "warning",
        "1 mail addresses stand on 2 rows that are not one",
    )
    assert "Match rates" in checked.to_text()
    assert not any(r.check == "joined by rule" for r in checked.results), "one system alone joins nobody"


def test_the_unmatched_are_listed_and_the_joined_counted(tmp_path: Path) -> None:
    """Six sessions of strangers, of which five are named; two of three contacts of the mail tool are the CRM's."""
    company = Workspace(fresh(tmp_path / "acme").path, now=NOW, environment={})
    files = {
        "sources/crm.yml": CONTACTS.format(name="crm"),
        "sources/mail.yml": CONTACTS.format(name="mail"),
        "sources/web.yml": SESSIONS,
        "crm.csv": "contact_id,email\nc1,ann@one.org\nc2,bob@one.org\n",
        "mail.csv": "contact_id,email\nm1,Ann@one.org\nm2,bob@ONE.org\nm3,cy@two.org\n",
        "web.csv": "session_id,started_at,visitor_id\n" + "".join(f"s{i},2026-01-05T09:00,v{i}\n" for i in range(6)),
    }
    for name, text in files.items():
        (company.path / name).parent.mkdir(exist_ok=True)
        (company.path / name).write_text(text, encoding="utf-8")
    company.refresh()
    told = {(r.check, r.subject): (r.state, r.what) for r in company.check().results}
    assert told["match rate", "web: web_sessions.contact_id"] == (
        "ok",
        "0.0% of 6 rows that name something; (no match) 6 (such as s0, s1, s2, s3, s4, ...)",
    )
    assert told["joined by rule", "contacts"] == ("ok", "2 contacts live on as another one of the same mail_key")


def test_the_rule_is_a_split_a_filter_and_stands_with_the_rows(company: Workspace) -> None:
    by_rule = {dict(o.segment)["contact_rule"]: o.value for o in company.measure("leads", by="contact_rule")}
    assert by_rule == {"id": 1, "mail": 1, "(several)": 1, "(no match)": 1, "(nothing)": 1}
    (found,) = company.records("leads", filter="contact_rule = '(no match)'")
    assert [row[found.rows.columns.index("lead_id")] for row in found.rows.rows] == ["c"]


def test_records_asked_by_a_column_under_rules_show_the_rule(company: Workspace) -> None:
    (found,) = company.records("leads", filter="contact_rule in ('id', 'mail')", by="channel")
    wanted = [found.rows.columns.index(n) for n in ("lead_id", "contact_rule", "channel_rule")]
    rows = sorted(tuple(row[i] for i in wanted) for row in found.rows.rows)
    assert rows == [("a", "mail", "(nothing)"), ("e", "id", "(nothing)")]


def test_a_trace_says_which_rules_are_asked(company: Workspace) -> None:
    (trace,) = company.trace("leads", by=["channel", "contact_rule"]).traces
    derivations = dict(trace.derivations)
    assert derivations["leads.contact_rule"] == "the rule that gave contact_id"
    assert derivations["leads.contact_id"] == (
        "first rule of identity.yml that leads to one of contacts: id (as delivered);"
        " mail (the same mail as email, of several leave); else none"
    )
    told = derivations["leads.channel"]
    assert told.startswith("first rule of channels.yml that knows utm_source, utm_medium")
    assert "paid_search" in told and told.endswith("else (unassigned)")


def test_who_is_erased_by_mail_is_gone_from_all_that_was_found_by_it(tmp_path: Path) -> None:
    company = world(tmp_path, TABLES, {"currency": "EUR", "time_zone": "UTC"}, now=NOW)
    by_rule = {"cookie": 1, "(no match)": 1, "(nothing)": 1}
    assert {
        dict(o.segment)["contact_rule"]: o.value for o in company.measure("website_visits", by="contact_rule")
    } == by_rule
    company.erase("ann@one.org")
    found = {dict(o.segment)["contact_rule"]: o.value for o in company.measure("website_visits", by="contact_rule")}
    # the cookie is known by the form of contact 3 alone now
    assert found == by_rule
    (rows,) = company.records("leads", by="contact_rule")
    assert sorted(row[rows.rows.columns.index("lead_id")] for row in rows.rows.rows) == ["b", "c", "d", "e"]
    parts = list((company.path / ".headwater").rglob("*.parquet"))
    held = [p.name for p in parts if "ann@one.org" in str(pq.read_table(p).to_pylist()).lower()]
    assert parts and held == []
