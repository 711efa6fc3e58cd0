"""The company looks like one, and what was planted in it can be seen."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from headwater.demo import company as facts
from headwater.demo.clock import DAY, NONE, Span, days, instant, local, offsets
from headwater.demo.deals import bulk_instant
from headwater.demo.marketing import IDLE
from headwater.demo.truth import truth
from headwater.demo.web import break_days
from headwater.demo.world import World
from tests.demo.conftest import UNTIL

Numbers = NDArray[Any]
PLANTS = facts.PLANTS


def month_of(company: World, seconds: Numbers) -> Numbers:
    return company.span.month_of(days(seconds))


def by_month(company: World, seconds: Numbers) -> Numbers:
    month = month_of(company, seconds[seconds != NONE])
    return np.bincount(month[(month >= 0) & (month < company.span.count)], minlength=company.span.count)


# --- time ------------------------------------------------------------------------------------------------------------
def test_the_span_ends_on_its_day() -> None:
    span = Span.ending(UNTIL)
    assert (span.first.isoformat(), span.count) == ("2023-11-01", 36)
    assert span.month_of(np.array([span.start - 1, span.start, span.end - 1, span.end])).tolist() == [-1, 0, 35, 36]


def test_local_clocks_change_twice_a_year() -> None:
    summer, winter = 1_719_835_200, 1_704_110_400  # 1 July and 1 January 2024, 12:00 UTC
    assert offsets(np.array([summer, winter])).tolist() == [7200, 3600]
    assert offsets(np.array([summer, winter]), "America/New_York").tolist() == [-14400, -18000]


def test_a_moment_of_a_day_lies_on_that_day() -> None:
    day = np.repeat(np.arange(19_600, 19_970), 24)
    second = np.tile(np.arange(24) * 3600, 370)
    at = instant(day, second)
    assert (days(at) == day).all()
    assert ((local(at) % DAY == second) | (second // 3600 < 4)).all()


# --- plausible -------------------------------------------------------------------------------------------------------
def test_sizes(company: World) -> None:
    assert company.accounts.size == 2_500
    assert abs(company.contacts.size - 20_000) < 200
    assert company.leads.size == 14_000
    assert 300_000 < company.sessions.size < 600_000
    assert 200_000 < company.mails.size < 500_000


def test_no_step_comes_before_the_one_before(company: World) -> None:
    leads, deals = company.leads, company.deals
    steps = [leads[n] for n in ("created", "mql", "handed", "sal", "qualified")]
    for before, after in pairwise(steps):
        reached = after != NONE
        assert (after[reached] > before[reached]).all() and (before[reached] != NONE).all()
    for name in ("inquired", "disqualified"):
        there = leads[name] != NONE
        assert (leads[name][there] >= leads["created"][there]).all()
    answered = leads["answered"] != NONE
    assert (leads["answered"][answered] > leads["inquired"][answered]).all()
    for i in range(1, 5):
        there = deals[f"step{i}"] != NONE
        assert (deals[f"step{i}"][there] > deals[f"step{i - 1}"][there]).all()
    over = deals["closed"] != NONE
    assert (deals["closed"][over] > deals["created"][over]).all()
    born = deals["lead"] >= 0
    assert (deals["created"][born] > leads["qualified"][deals["lead"][born]]).all()
    assert (company.roles["created"] >= company.contacts["created"][company.roles["contact"]]).all()
    assert (company.accounts["created"][company.contacts["account"]] <= company.contacts["created"]).all()


def test_nothing_happens_after_the_last_day(company: World) -> None:
    close = company.span.close
    for frame, names in (
        (company.leads, ("created", "mql", "handed", "sal", "qualified", "disqualified", "inquired", "answered")),
        (company.deals, ("created", "step4", "closed")),
        (company.sessions, ("at",)),
        (company.actions, ("at",)),
        (company.touches, ("at",)),
        (company.mails, ("sent", "at")),
        (company.activities, ("at",)),
        (company.movements, ("at",)),
        (company.contacts, ("created", "subscribed")),
        (company.accounts, ("created",)),
        (company.surveys, ("answered",)),
    ):
        for name in names:
            assert frame[name].max() < close, name
    for frame in (company.orders, company.costs, company.ledger, company.ads):
        assert frame["day"].max() < company.span.end


def test_cycles_are_long_and_groups_are_large(company: World) -> None:
    deals = company.deals
    won = deals["won"] & (deals["kind"] == 0) & ~deals["old"]
    days_open = (deals["closed"] - deals["created"])[won] / DAY
    assert 135 < np.median(days_open) < 165  # about five months
    group = np.bincount(company.roles["opportunity"], minlength=deals.size)[deals["kind"] == 0]
    assert 5.5 < group.mean() < 8.0


@pytest.mark.parametrize("channel", range(len(facts.CHANNELS)))
def test_every_channel_wins_some_and_loses_some(company: World, channel: int) -> None:
    leads = company.leads.take(company.leads["channel"] == channel)
    assert leads.size > 500
    assert 0.15 < (leads["mql"] != NONE).mean() < 0.75
    qualified = (leads["qualified"] != NONE).sum() / (leads["sal"] != NONE).sum()
    assert 0.35 < qualified < 0.85
    deals = company.deals.take(
        (company.deals["channel"] == channel) & (company.deals["kind"] == 0) & ~company.deals["old"]
    )
    assert 0.08 < deals["won"].sum() / (deals["won"] | deals["lost"]).sum() < 0.5


def test_win_rate(company: World) -> None:
    deals = company.deals.take((company.deals["kind"] == 0) & ~company.deals["old"])
    assert 0.18 < deals["won"].sum() / (deals["won"] | deals["lost"]).sum() < 0.32


def test_the_company_grows(company: World) -> None:
    leads = by_month(company, company.leads["created"])
    assert 1.2 < leads[-12:].sum() / leads[:12].sum() < 2.5
    mrr = truth(company)["mrr"].sum(axis=1)
    assert 1.8 < mrr[-1] / mrr[0] < 5.0
    assert (np.diff(mrr) > 0).mean() > 0.8


def test_customers_stay_for_the_most_part(company: World) -> None:
    paying = company.paid > 0
    left = (paying[:, :-1] & ~paying[:, 1:]).sum(axis=0) / paying[:, :-1].sum(axis=0)
    assert 0.03 < left.mean() * 12 < 0.16


def test_no_customer_pays_less_than_nothing(company: World) -> None:
    assert company.paid.min() == 0


def test_people_know_seasons_and_weekends(company: World) -> None:
    calendar = np.array([m.month for m in company.span.months()])
    leads = by_month(company, company.leads["created"])
    assert leads[calendar == 8].sum() < 0.8 * leads[calendar == 3].sum()
    weekday = (days(company.leads["created"]) + 3) % 7
    assert (weekday >= 5).mean() < 0.12


# --- planted ---------------------------------------------------------------------------------------------------------
def wave(values: Numbers) -> Numbers:
    """What is left of a series beside its trend, in logarithms."""
    x = np.log(np.maximum(values.astype(float), 1e-9))
    design = np.stack([np.ones(len(x)), np.arange(len(x))], axis=1)
    found: Numbers = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    return found


def echoes(series: Numbers, revenue: Numbers) -> Numbers:
    """How a series goes with revenue some months later, by months."""
    a, b = wave(series), wave(revenue)
    return np.array([np.corrcoef(a[: len(a) - n], b[n:])[0, 1] for n in range(10)])


@pytest.fixture(scope="module")
def series(company: World) -> dict[str, Numbers]:
    return {name: table.sum(axis=1) for name, table in truth(company).items()}


@pytest.mark.parametrize(("name", "months"), [("leads", 6), ("mqls", 6), ("sqls", 5), ("pipeline_created", 5)])
def test_what_leads_revenue(series: dict[str, Numbers], name: str, months: int) -> None:
    found = echoes(series[name], series["revenue"])
    assert abs(int(found.argmax()) - months) <= 1
    assert found.max() > 0.35


def test_vanity_does_not_lead_revenue(company: World, series: dict[str, Numbers]) -> None:
    ads = np.bincount(company.span.month_of(company.ads["day"]), weights=company.ads["impressions"], minlength=36)
    last = company.span.starts()[1:] - 1
    followers = np.array([company.social["followers"][company.social["day"] == day].sum() for day in last])
    real = min(echoes(series[n], series["revenue"])[4:8].max() for n in ("leads", "mqls", "sqls"))
    for vanity in (series["website_visits"], ads, np.diff(followers)):
        later = series["revenue"][36 - len(vanity) :]
        assert echoes(vanity, later)[4:8].mean() < real / 2
    assert series["website_visits"][-12:].sum() > 1.3 * series["website_visits"][:12].sum()  # and it looks so well


def test_the_tracking_break(company: World) -> None:
    first, last = break_days(company.span)
    day = days(company.sessions["at"])
    inside = ((day >= first) & (day <= last)).sum() / (last - first + 1)
    around = ((day >= first - 28) & (day < first)) | ((day > last) & (day <= last + 28))
    assert 0.5 < inside / (around.sum() / 56) < 0.75
    lead = days(company.leads["created"][company.leads["web"]])
    leads_inside = ((lead >= first) & (lead <= last)).sum() / (last - first + 1)
    leads_around = (((lead >= first - 28) & (lead < first)) | ((lead > last) & (lead <= last + 28))).sum() / 56
    assert leads_inside / leads_around > 0.8


def test_the_drop_in_one_segment(company: World) -> None:
    leads = company.leads.take((company.leads["sal"] != NONE) & (company.leads["account"] >= 0))
    region = company.accounts["region"][leads["account"]]
    nordics = region == [r.name for r in facts.REGIONS].index(PLANTS.drop_region)
    month = month_of(company, leads["sal"])
    late = (month >= PLANTS.drop_month) & (month < company.span.count - 2)

    def rate(rows: Numbers) -> float:
        return float((leads["qualified"][rows] != NONE).mean())

    assert rate(nordics & late) < 0.65 * rate(nordics & (month < PLANTS.drop_month))
    assert rate(~nordics & late) > 0.9 * rate(~nordics & (month < PLANTS.drop_month))


def test_the_price_change(company: World) -> None:
    deals = company.deals
    month = month_of(company, deals["created"])
    segment = company.accounts["segment"][deals["account"]]
    euros = deals["annual"] / np.array(facts.LIST_FACTOR)[company.accounts["currency"][deals["account"]]]
    new = deals["kind"] == 0
    steps = []
    for i in range(len(facts.SEGMENTS)):
        before = new & (segment == i) & (month < PLANTS.price_month) & (month >= PLANTS.price_month - 8)
        after = new & (segment == i) & (month >= PLANTS.price_month) & (month < PLANTS.price_month + 8)
        steps.append(np.median(euros[after]) / np.median(euros[before]))
    assert 1.07 < np.mean(steps) < 1.30


def test_the_channel_that_saturates(company: World) -> None:
    place = facts.PLACE["paid_search"]
    money = truth(company)["marketing_spend"][:, place]
    leads = truth(company)["leads"][:, place]
    before, after = slice(PLANTS.saturating_from - 12, PLANTS.saturating_from), slice(PLANTS.saturating_from + 4, 36)
    spend = money[after].mean() / money[before].mean()
    won = leads[after].mean() / leads[before].mean()
    assert spend > 1.7
    assert won < 0.85 * spend


def test_the_idle_campaign(company: World) -> None:
    number = [c.name for c in company.campaigns].index(IDLE)
    month = month_of(company, company.leads["created"][company.leads["campaign"] == number])
    assert len(month) > 10 and month.max() < PLANTS.idle_from
    costs = company.costs["day"][company.costs["campaign"] == number]
    assert company.span.month_of(costs).max() == company.span.count - 1


def test_the_clean_up(company: World) -> None:
    at = bulk_instant(company.span)
    rows = company.deals["closed"] == at
    assert rows.sum() > 20
    assert (company.deals["cleaned"] == rows).all()
    assert not company.deals["won"][rows].any()
