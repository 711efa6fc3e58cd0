"""What is kept of a delivery beside its rows: what it looked like, that it is held back, and what it mends."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.metrics.render import render
from headwater.model.landing import Accepted, Batch, Draft, Drift, Mended, Settled
from headwater.model.profile import ColumnProfile, Magnitude, Profile
from headwater.store import landing
from headwater.store.disk import temporary
from headwater.store.erase import erase
from headwater.store.journal import MENDED
from headwater.store.lock import writing
from headwater.store.place import Store
from tests.store.world import NOW, files_under, lead, stage

COLUMN = ColumnProfile(
    "leads",
    "channel",
    "Channel",
    "r1",
    rows=9,
    filled=9,
    values=("ads", "Miller Ltd", "mail"),
    magnitudes=(Magnitude("channel=Miller Ltd", 9, 1, 2, 3),),
    hours=(0,) * 23 + (9,),
)
PROFILE = Profile(("Lead", "Channel"), ",", (COLUMN,))
NEW = Drift("new_values", "leads", "channel", "'Channel' has texts that are new: 'Miller Ltd'", True)


def delivered(store: Store, name: str, **more: object) -> Batch:
    staged, draft = stage(store, name, {"leads": [lead("1"), lead("2")]})
    draft = replace(draft, profile=PROFILE, drift=(NEW,))
    batch = landing.commit(store, staged, draft, NOW, **more)  # type: ignore[arg-type]
    assert batch is not None
    return batch


def test_a_held_batch_is_repeated_when_it_is_accepted(store: Store) -> None:
    with writing(store):
        held = delivered(store, "a", held=True)
        batch = landing.accept(store, held, NOW)
        said = landing.acknowledge(store, "a", (batch.number,), NOW)
    assert (held.number, held.held, held.drift) == (1, True, (NEW,))
    assert batch == replace(held, number=2, id=batch.id, held=False, accepts=1)
    assert said == Accepted(3, "a", (2,), NOW)
    assert landing.journal(store) == (held, batch, said)
    assert landing.profile_of(store, batch) == landing.profile_of(store, held) == PROFILE
    one, other = (landing.landed_files(store, b, "leads")[0] for b in (held, batch))
    assert one != other
    assert one.read_bytes() == other.read_bytes()


def test_an_acceptance_that_fails_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full while a held batch is repeated: the journal is as it was, and it can be tried again."""
    with writing(store):
        held = delivered(store, "a", held=True)
        before = files_under(store.landing)

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("headwater.store.landing.append", full)
        with pytest.raises(OSError, match="space"):
            landing.accept(store, held, NOW)
        assert files_under(store.landing) == before
        monkeypatch.undo()
        assert landing.accept(store, held, NOW).number == 2


def test_an_erasure_goes_through_profiles_notes_and_mended_rows(store: Store) -> None:
    """The name of a customer stands in a list of texts, in a note about it, and in a row that was mended."""
    with writing(store):
        delivered(store, "a")
        staged, draft = stage(store, "b", {"leads": [lead("7"), lead("8")]})
        mended = [Mended(1, "c", 4, "h1", "7,Miller Ltd"), Mended(2, "c", 5, "h2", "8,ads")]
        names = ("row", "content", "of_row", "was", "raw")
        table = pa.table({n: [getattr(m, n) for m in mended] for n in names})
        pq.write_table(table, staged / MENDED)
        settles = (Settled(1, "c", 4), Settled(1, "c", 5))
        correction = landing.commit(store, staged, draft, NOW, settles=settles)
        assert correction is not None
        assert landing.mended_rows(store, correction) == tuple(mended)
        erase(store, ("Miller Ltd",), NOW, render)
    first, second = (e for e in landing.journal(store) if isinstance(e, Batch))
    marked = landing.profile_of(store, first)
    assert marked is not None
    assert marked.columns[0].values == ("ads", "[erased]", "mail")
    assert first.drift[0].what == "[erased]"
    assert landing.mended_rows(store, second) == (mended[1],)
    assert second.settles == settles
    assert not any(b"Miller" in content for content in files_under(store.landing).values())


def test_what_was_committed_before_profiles_were_kept_has_none(store: Store) -> None:
    with writing(store):
        staged, draft = stage(store, "a", {"leads": [lead("1")]})
        assert isinstance(draft, Draft)
        batch = landing.commit(store, staged, draft, NOW)
    assert batch is not None
    assert landing.profile_of(store, batch) is None
    assert landing.mended_rows(store, batch) == ()
    assert temporary(store.landing) not in store.landing.iterdir()
