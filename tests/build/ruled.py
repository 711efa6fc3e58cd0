"""Tables under the shipped rules of identity and channels, in few columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from headwater.api.folder import SHIPPED
from headwater.metrics.rulings import Rulings, load_rulings, with_rulings
from headwater.model.table import ByChannel, ByIdentity, Joining, Key, Table
from tests.build.world import table


def _given_by(column: str, rules: ByIdentity | ByChannel) -> dict[str, dict[str, object]]:
    name = column.removesuffix("_id") + "_rule"
    return {column: {"derive": rules}, name: {"derive": replace(rules, gives="rule")}}


PERSON, COMPANY = "contacts", "accounts"

ACCOUNTS = table(
    "accounts",
    "account_id id, domain text, domain_key text",
    "account_id",
    more={"domain_key": {"derive": Key("domain", "domain")}},
)
CONTACTS = replace(
    table(
        "contacts",
        "contact_id id, email text, mail_key text, account_id id, account_rule text, subscribed_at time, title text",
        "contact_id",
        versions=True,
        more={"mail_key": {"derive": Key("mail", "email")}}
        | _given_by("account_id", ByIdentity(COMPANY, "account_id", (("mail", "email"),))),
    ),
    joining=Joining("mail_key"),
)
LEADS = table(
    "leads",
    "lead_id id, created_at time, email text, visitor_id id, contact_id id, contact_rule text, account_id id,"
    " account_rule text",
    "lead_id",
    event="created_at",
    partition="created_at",
    versions=True,
    more=_given_by("contact_id", ByIdentity(PERSON, "contact_id", (("mail", "email"),)))
    | _given_by("account_id", ByIdentity(COMPANY, "account_id", (("contact", "contact_id"), ("mail", "email")))),
)
ACTIONS = table(
    "actions",
    "action_id id, occurred_at time, kind text, step text, email text, visitor_id id, contact_id id, contact_rule text",
    "action_id",
    event="occurred_at",
    partition="occurred_at",
    more=_given_by(
        "contact_id", ByIdentity(PERSON, "contact_id", (("mail", "email"), ("cookie", "visitor_id")), "occurred_at")
    ),
)
SESSIONS = table(
    "web_sessions",
    "session_id id, started_at time, visitor_id id, contact_id id, contact_rule text, account_id id, account_rule text,"
    " source text, medium text, referrer text, click_id text, campaign_id id, channel text, channel_rule text",
    "session_id",
    event="started_at",
    partition="started_at",
    more=_given_by("contact_id", ByIdentity(PERSON, "contact_id", (("cookie", "visitor_id"),), "started_at"))
    | _given_by("account_id", ByIdentity(COMPANY, "account_id", (("contact", "contact_id"),)))
    | _given_by(
        "channel",
        ByChannel(
            "channel",
            tuple((name, name) for name in ("source", "medium", "referrer", "click_id")),
            "campaign_id",
        ),
    ),
)
CAMPAIGNS = table("campaigns", "campaign_id id, channel text", "campaign_id")

LINKED = {"account_id": "accounts", "contact_id": "contacts", "campaign_id": "campaigns"}


def _linked(of: Table) -> Table:
    """Ids refer to the tables they are of."""
    own = of.key[0]
    return replace(of, columns=tuple(replace(c, refers=LINKED.get(c.id, "")) if c.id != own else c for c in of.columns))


BARE = {t.id: _linked(t) for t in (ACCOUNTS, CONTACTS, LEADS, ACTIONS, SESSIONS, CAMPAIGNS)}


def shipped() -> Rulings:
    """The rules that come with the program."""
    rulings, faults = load_rulings(SHIPPED, None)
    assert faults == []
    return rulings


def under(rulings: Rulings, tables: Mapping[str, Table] = BARE) -> dict[str, Table]:
    """The tables under these rules."""
    return {name: t for name, t in with_rulings(tables, rulings).items() if t is not None}
