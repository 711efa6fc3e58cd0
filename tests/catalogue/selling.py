"""What sales and accounting do: calls and meetings, scores of leads, profit of deals, the rarer lines of the books.

Drawn by random numbers of its own, so that a table more here changes no other one.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.catalogue.worlds import Draw


def sell(draw: Draw, seed: int, first: date, days: int) -> None:
    """Adds activities and postings, and columns of leads, deals and payments, to a drawn year."""
    kept, draw.random = draw.random, Random(f"{seed} selling")
    _early_wins(draw, first)
    _talks(draw)
    _judgements(draw, first, days)
    _postings(draw, first, days)
    draw.random = kept


def _early_wins(draw: Draw, first: date) -> None:
    """Deals won in the year and a half before, so that there are customers to keep; nobody noted when they began."""
    for n in range(26):
        closed = (first - timedelta(draw.random.randrange(2, 500))).isoformat()
        draw.put(
            "opportunities", opportunity_id=f"early{n}", account_id=f"a{draw.random.randrange(24)}", status="won",
            closed_at=closed, amount=draw.maybe(draw.money()), currency="EUR", kind="new",
            product=draw.pick("x", "y", None), _updated_at=f"{closed}T11:00:00+00:00",
        )  # fmt: skip


def _talks(draw: Draw) -> None:
    for n in range(420):
        kind = draw.pick("call", "call", "call", "meeting", "meeting", "email")
        at = draw.moment()
        called, booked = kind == "call" or draw.chance(0.2), kind == "meeting" or draw.chance(0.1)
        draw.put(
            "activities", activity_id=f"v{n}", kind=kind, direction=draw.pick("outbound", "outbound", "inbound", None),
            occurred_at=at, connected=draw.pick(True, True, False, None) if called else None,
            booked_at=draw.maybe(draw.moment(), 0.95) if booked else None,
            booked_via=draw.pick("outbound_call", "outbound_call", "form", None) if booked else None,
            held=draw.pick(True, False, None), owner=draw.pick("ann", "bob", None),
        )  # fmt: skip


def _judgements(draw: Draw, first: date, days: int) -> None:
    for row in draw.rows["leads"]:
        row["score_fit"] = draw.maybe(str(draw.random.randrange(0, 101)), 0.8)
        row["score_engagement"] = draw.maybe(str(draw.random.randrange(0, 61)), 0.8)
        row["win_probability"] = draw.maybe(str(draw.random.randrange(0, 101) / 100), 0.8)
    for row in draw.rows["opportunities"]:
        row["gross_profit"] = draw.maybe(("-" if draw.chance(0.1) else "") + draw.money(1500), 0.85)
        row["expected_close_at"] = draw.maybe((first + timedelta(draw.random.randrange(days))).isoformat(), 0.85)


def _postings(draw: Draw, first: date, days: int) -> None:
    for row in draw.rows["ledger"]:
        flows = ("operating", "operating", "investing", "financing", None)
        row["cash_flow"] = draw.pick(*flows) if row["cash"] or draw.chance(0.1) else None
    for n in range(150):
        cash = draw.pick(True, False, False)
        draw.put(
            "ledger", posting_id=f"bb{n}", day=(first + timedelta(draw.random.randrange(days))).isoformat(), cash=cash,
            amount=("-" if draw.chance(0.3 if cash else 0.08) else "") + draw.money(700), currency=draw.currency(),
            kind=draw.pick("overhead", "overhead", "interest", "capex", "capex", "other", "opex"),
            cash_flow=draw.pick("operating", "investing", "financing", None) if cash or draw.chance(0.1) else None,
            product=draw.pick("x", "y", None),
        )  # fmt: skip
