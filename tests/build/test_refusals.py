"""A candidate that fails a test of its data is not published."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.build.run import in_order
from headwater.build.site import Site
from headwater.build.stored import Form, check_rows
from headwater.errors import CheckError, DefinitionError
from headwater.model.plan import Scan
from headwater.model.table import Lookup
from headwater.store.generations import current
from tests.build.conftest import NewWorld
from tests.build.paper import PaperWorld, Sheet
from tests.build.world import World, table

LEADS = table("leads", "lead_id id, created_at time, channel text", "lead_id", event="created_at",
              more={"lead_id": {"required": True}, "channel": {"required": True}})  # fmt: skip


def test_a_required_column_without_a_value_is_named(new_world: NewWorld) -> None:
    world = new_world(LEADS)
    world.load(leads=[{"lead_id": "1", "channel": "web"}])
    world.build()
    world.load(leads=[{"lead_id": "2"}, {"lead_id": "3", "channel": "web"}])
    with pytest.raises(CheckError, match="column 'channel' of table 'leads' is required, but 1 of its rows lack it"):
        world.build()
    assert world.rows("leads", "lead_id") == ["1"]


def test_a_table_that_lies_wholly_in_the_far_future_is_refused(new_world: NewWorld) -> None:
    world = new_world(LEADS)
    world.load(leads=[{"lead_id": "1", "channel": "web", "created_at": "2125-01-01"}])
    with pytest.raises(CheckError, match="every row of table 'leads' lies after 2036-12-31"):
        world.build()


def test_nothing_is_published_when_a_test_fails(tmp_path: Path) -> None:
    world = World(tmp_path / "store", {"leads": LEADS})
    world.load(leads=[{"lead_id": "1", "channel": "web"}])
    before = world.build()
    world.load(leads=[{"lead_id": "2"}])
    with pytest.raises(CheckError):
        world.build()
    assert current(world.store) == before


@pytest.mark.parametrize("big", [True, False])
def test_a_key_with_two_rows_is_named_with_an_example(big: bool) -> None:
    world = PaperWorld({"leads": LEADS})
    world.load(leads=[{"lead_id": "1", "channel": "web"}])
    world.build()
    workshop = world.workshop
    assert workshop is not None
    twice = [{"lead_id": k, "channel": "x", "_k0": k} for k in "abb"]
    workshop.known["rows"] = Sheet(["lead_id", "channel", "_k0"], twice)
    site = Site(workshop, (), world.tables, world.settings, world.clock, None)
    with pytest.raises(CheckError, match="column 'lead_id' of table 'leads' is not a unique key: 'b' has 2 rows"):
        check_rows(Form(site, LEADS, "leads"), Scan("rows"), big=big)


def test_a_table_comes_after_those_it_reads() -> None:
    a = table("a", "k id, x text", "k", more={"x": {"derive": Lookup("z", "k", "x")}})
    j = table("j", "k id", "k", rows_from="a")
    z = table("z", "k id, x text", "k")
    assert [t.id for t in in_order({"a": a, "j": j, "z": z})] == ["z", "a", "j"]
    with pytest.raises(DefinitionError, match="'nowhere', which is no table"):
        PaperWorld({"j": table("j", "k id", "k", rows_from="nowhere")}).build()
    with pytest.raises(DefinitionError, match="the key 'n' of table 'j' is no column of 'z'"):
        world = PaperWorld({"z": z, "j": table("j", "n id", "n", rows_from="z")})
        world.load(z=[{"k": "1"}])
        world.build()
