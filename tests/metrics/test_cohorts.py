"""What a cohort's measures say where nobody entered."""

from datetime import date

from headwater.model.measure import Reached
from headwater.model.period import Grain, Period
from tests.metrics.tiny import measure, world

UNTIL_WON = Reached("created_at", "won_at")


def test_a_cohort_without_entries_counts_nothing_and_takes_no_time() -> None:
    """No deal entered in February: none got there, and how long they took is not known, which is not 0 days."""
    deals: list[dict[str, object]] = [
        {"deal_id": "a", "created_at": date(2025, 1, 1), "won_at": date(2025, 1, 11)},
        {"deal_id": "b", "created_at": date(2025, 3, 1), "won_at": None},
    ]
    asked = world(
        [
            measure("won", clock=UNTIL_WON, empty=0),
            measure("days", "mean", "days(created_at, won_at)", unit="day", clock=UNTIL_WON, empty=None),
        ],
        {"deals": deals},
    )
    months = {"period": Period(date(2025, 1, 1), date(2025, 4, 1)), "grain": Grain.MONTH}
    assert asked.values("won", **months) == [1, 0, 0]
    assert asked.values("days", **months) == [10, None, None]
