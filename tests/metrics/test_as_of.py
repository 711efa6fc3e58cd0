"""Asked as of an earlier day, nothing later has happened: on every clock, in conditions, values, splits and filters."""

from datetime import date, datetime

import pytest

from headwater.metrics.happened import dates_behind
from headwater.model.measure import EVER, Alive, At, Latest, Reached, Span
from headwater.model.period import Grain, Period
from tests.metrics.tiny import World, measure, world
from tests.shipped import shipped

D = date
SENT = At("sent_at")
EARLY, LATE = D(2025, 2, 1), D(2025, 12, 31)
OPENED = "opened_at is not empty"

ROWS: list[dict[str, object]] = [
    # one is opened and answered at once; two in March; three is only noted in February, as if it had been sent before
    {"mail_id": "1", "sent_at": datetime(2025, 1, 5, 10), "noted_at": D(2025, 1, 5), "opened_at": D(2025, 1, 6),
     "answered_on": D(2025, 1, 8), "due_on": D(2025, 3, 1), "wait_days": 3, "pace": "fast"},
    {"mail_id": "2", "sent_at": D(2025, 1, 10), "noted_at": None, "opened_at": datetime(2025, 3, 2, 9),
     "answered_on": D(2025, 3, 5), "due_on": D(2025, 1, 20), "wait_days": 54, "pace": "slow"},
    {"mail_id": "3", "sent_at": D(2025, 1, 12), "noted_at": datetime(2025, 2, 20, 9), "opened_at": None,
     "answered_on": None, "due_on": None, "wait_days": None, "pace": None},
]  # fmt: skip


def mails(name: str, aggregate: str = "count", column: str = "", unit: str = "mail", **more: object) -> object:
    return measure(name, aggregate, column, table="mails", unit=unit, **more)


MEASURES = [
    mails("sent", clock=SENT),
    mails("opened", clock=SENT, where=OPENED),
    mails("unopened", clock=SENT, where="opened_at is empty"),
    mails("wait", "mean", "wait_days", "day", clock=SENT, empty=None),
    mails("elapsed", "mean", "days(sent_at, answered_on)", "day", clock=SENT, empty=None),
    mails("middle", "median", "days(sent_at, answered_on)", "day", clock=SENT, empty=None),
    mails("quick", clock=SENT, where="days(sent_at, answered_on) < 100"),
    mails("due_later", clock=SENT, where="due_on >= '2025-02-15'"),
    mails("standing", clock=Alive("sent_at", "")),
    mails("standing_opened", clock=Alive("sent_at", ""), where=OPENED),
    mails("last_opened", clock=Latest("sent_at", ("mail_id",), EVER), where=OPENED),
    mails("answered", clock=Reached("sent_at", "answered_on", EVER), where=OPENED),
    mails("ripe", clock=Reached("sent_at", "answered_on", EVER, "p95"), where=OPENED),
]


@pytest.fixture(scope="module")
def tiny() -> World:
    return world(MEASURES, {"mails": ROWS})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "early", "late"),
    [
        ("sent", 2, 3), ("opened", 1, 2), ("unopened", 1, 1), ("wait", 3, 28.5), ("elapsed", 3, 28.5),
        ("middle", 3, 28.5), ("quick", 1, 2), ("due_later", 1, 1),
    ],
)  # fmt: skip
def test_a_flow_sees_no_later_date(tiny: World, name: str, early: float, late: float) -> None:
    assert tiny.values(name, as_of=EARLY) == [early]
    assert tiny.values(name, as_of=LATE) == [late]


def test_a_snapshot_is_the_last_known_value() -> None:
    sizes = measure("size", "sum", "amount", unit="money", clock=Latest("created_at", ("account_id",), Span(60, "day")))
    live = measure(
        "live", "sum", "amount", unit="money", where="stage = 'live'", empty=None,
        clock=Latest("created_at", ("account_id",), Span(60, "day")),
    )  # fmt: skip
    looks = [("A", 1, "live", 10), ("A", 2, "live", None), ("B", 1, "live", 20), ("B", 2, "dead", None),
             ("C", 1, "live", None), ("D", 1, "dead", 5), ("D", 2, "live", None)]  # fmt: skip
    rows: list[dict[str, object]] = [
        {"deal_id": f"{n}", "account_id": who, "created_at": D(2025, month, 20), "stage": stage, "amount": amount}
        for n, (who, month, stage, amount) in enumerate(looks)
    ]
    tiny = world([sizes, live], {"deals": rows})
    months = {"period": Period(D(2025, 1, 1), D(2025, 5, 1)), "grain": Grain.MONTH}
    assert tiny.values("size", **months) == [35, 35, 0, 0]  # in March all that is known is older than 60 days
    assert tiny.values("live", **months) == [30, 10, None, None]  # B died, and nobody counted D since it came back


@pytest.mark.parametrize(
    ("name", "wanted"), [("standing", [2, 3, 3]), ("standing_opened", [1, 1, 2]), ("last_opened", [1, 1, 2])]
)
def test_a_stock_sees_what_had_happened_by_the_end_of_its_period(tiny: World, name: str, wanted: list[float]) -> None:
    months = {"period": Period(D(2025, 1, 1), D(2025, 4, 1)), "grain": Grain.MONTH}
    assert tiny.values(name, **months) == wanted


def test_a_cohort_sees_what_had_happened_by_the_end_of_its_observation() -> None:
    for through, wanted in ((D(2025, 3, 1), [1, 1]), (D(2025, 3, 3), [1, 2]), (D(2025, 3, 6), [2, 2])):
        tiny = world(MEASURES, {"mails": ROWS}, {"mails": through})  # type: ignore[arg-type]
        assert tiny.values("answered", "entered(answered)") == wanted


def test_maturity_is_learned_from_what_had_happened_alone(tiny: World) -> None:
    (early,) = tiny.ask("ripe / entered(ripe)", as_of=D(2025, 3, 4))
    assert (early.value, early.denominator, early.left_out) == (0.5, 2, 0)  # three days, of the first mail
    (late,) = tiny.ask("ripe / entered(ripe)", as_of=D(2025, 3, 6))
    assert (late.value, late.denominator, late.left_out) == (1, 2, 0)  # nearly 54 days


def test_splits_and_filters_that_a_later_date_tells(tiny: World) -> None:
    def segments(as_of: date) -> dict[object, float | None]:
        return {o.segment[0][1]: o.value for o in tiny.ask("sent", as_of=as_of, by=("pace",))}

    assert segments(EARLY) == {"fast": 1, None: 1}
    assert segments(LATE) == {"fast": 1, "slow": 1, None: 1}
    assert tiny.values("sent", as_of=EARLY, filter="pace = 'slow'") == [0]
    assert tiny.values("sent", as_of=LATE, filter="pace = 'slow'") == [1]


def test_which_dates_stand_behind_a_column() -> None:
    tables = shipped().tables
    leads, deals = tables["lead_journeys"], tables["opportunities"]
    assert dates_behind(leads, "mql_at") == {"mql_at"}
    assert dates_behind(leads, "won_amount") == {"customer_at"}  # taken from the same deal
    assert dates_behind(leads, "lead_to_customer_seconds") == {"created_at", "customer_at"}
    assert dates_behind(leads, "opportunities") == frozenset()  # a count: as known today
    assert dates_behind(leads, "channel") == frozenset()
    assert dates_behind(deals, "expected_close_at") == frozenset()  # planned
    assert dates_behind(tables["web_sessions"], "lead_at") == {"lead_at"}
