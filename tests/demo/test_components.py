"""The verdicts on the campaigns of the made-up company: the idle one and the good one, as they were planted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.api.componental import Component
from headwater.demo import company, finance
from headwater.demo.clock import NONE, day_of
from headwater.demo.make import make
from headwater.demo.marketing import GOOD, IDLE
from headwater.demo.world import World, world
from tests.demo.conftest import NOW, UNTIL, Demo, opened
from tests.world import world as workspace

SCALE = 0.25
"""The smallest at which the good campaign has persons enough to be told (some forty leads a year)."""

SEEDS = 50
PERIOD = {"level": "campaign", "as_of": UNTIL.isoformat()}
STAGES = {"created": "created_at", "mql": "mql_at", "sal": "sal_at", "qualified": "sales_qualified_at"}


def rows(made: World) -> dict[str, list[dict[str, Any]]]:
    """Campaigns, leads and what campaigns cost, as they are in the world: what its exports would hold of them."""
    months = list(made.span.months())

    def day(number: int) -> str:
        return day_of(number).isoformat()

    def time(second: int) -> str | None:
        return None if second == NONE else f"{np.datetime64(int(second), 's')}+00:00"

    def of(number: int) -> dict[str, str]:
        c = made.campaigns[number]
        return {"campaign_id": f"c{number}", "program": c.program, "channel": c.channel}

    campaigns = [
        {
            **of(n), "name": c.name, "objective": c.objective, "started_at": months[c.first].isoformat(),
            "ended_at": None if c.last >= made.span.count - 1 else day(int(made.span.starts()[c.last + 1]) - 1),
        }
        for n, c in enumerate(made.campaigns)
    ]  # fmt: skip
    leads = []
    for n in range(made.leads.size):
        number, channel = int(made.leads["campaign"][n]), company.CHANNEL_IDS[made.leads["channel"][n]]
        place = of(number) if number >= 0 else {"channel": channel}
        leads.append({"lead_id": f"l{n}", **place, **{to: time(made.leads[name][n]) for name, to in STAGES.items()}})
    costs = [
        {
            "cost_id": f"k{n}", "day": day(made.costs["day"][n]), **of(int(made.costs["campaign"][n])),
            "kind": finance.COST_KINDS[made.costs["kind"][n]], "function": finance.FUNCTIONS[made.costs["function"][n]],
            "amount": round(int(made.costs["amount"][n]) / 100 * company.RATE[made.costs["currency"][n]], 2),
        }
        for n in np.flatnonzero(made.costs["campaign"] >= 0)
    ]  # fmt: skip
    return {"campaigns": campaigns, "leads": leads, "costs": costs}


def verdicts(folder: Path, seed: int) -> tuple[Component, Component]:
    """The idle and the good campaign of a seed."""
    told = workspace(folder, rows(world(seed, SCALE, UNTIL)), now=NOW, through=UNTIL).components(**PERIOD)
    idle, good = told.find("campaign", IDLE), told.find("campaign", GOOD)
    assert idle is not None and good is not None
    return idle, good


def test_the_small_demo_never_calls_the_idle_one_contributing_nor_the_good_one_idle(demo: Demo) -> None:
    told = demo.workspace.components(**PERIOD)
    planted = demo.truth["planted"]
    idle, good = (told.find("campaign", planted[k]["campaign_id"]) for k in ("idle_campaign", "good_campaign"))
    assert idle is not None and good is not None
    assert (idle.title, idle.entries) == (IDLE, 0)
    assert idle.verdict in ("no_sign", "cannot_tell")
    assert good.verdict in ("contributes", "cannot_tell")


@pytest.mark.verify
def test_fifty_companies(tmp_path: Path) -> None:
    """From the world's own rows through build and verdict; only the writing and reading of exports is left out."""
    found = [verdicts(tmp_path / str(seed), seed) for seed in range(1, SEEDS + 1)]
    idle, good = ([pair[i].verdict for pair in found] for i in (0, 1))
    print({name: {v: of.count(v) for v in sorted(set(of))} for name, of in (("idle", idle), ("good", good))})
    assert "contributes" not in idle
    assert good.count("no_sign") <= 0.05 * SEEDS
    assert good.count("contributes") >= 0.80 * SEEDS


@pytest.mark.verify
@pytest.mark.parametrize("seed", [1, 2])
def test_the_exports_lead_to_the_same_verdicts(tmp_path: Path, seed: int) -> None:
    make(tmp_path / "demo", scale=SCALE, seed=seed, until=UNTIL, now=NOW)
    whole = opened(tmp_path / "demo").workspace.components(**PERIOD)
    for short, name in zip(verdicts(tmp_path / "short", seed), (IDLE, GOOD), strict=True):
        told = whole.find("campaign", name)
        assert told is not None
        assert (told.verdict, told.entries, told.entered) == (short.verdict, short.entries, short.entered)
