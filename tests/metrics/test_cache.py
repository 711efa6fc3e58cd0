"""The catalogue's cache: the same values without the YAML reader, valid for exactly these files, never in the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.errors import DefinitionError
from headwater.metrics import catalogue as module
from headwater.metrics.catalogue import load_catalogue
from headwater.metrics.definitions import definition
from tests.metrics.small_files import FILES, write

OWN = {"kpis/own.yml": "formula: leads * 0.5\nunit: lead\n"}


class Place:
    """A shipped folder, a workspace and a cache file; `load` says whether the files had to be read."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shipped, self.workspace = write(root / "shipped", FILES), write(root / "own", OWN)
        self.cache = root / "own" / ".headwater" / "cache" / "catalogue.json"
        self.monkeypatch = monkeypatch

    def load(self):
        from headwater.metrics import assemble

        cold = []
        real = assemble.assemble

        def spy(shipped: Path, workspace: Path | None):
            cold.append(1)
            return real(shipped, workspace)

        with self.monkeypatch.context() as patch:
            patch.setattr(assemble, "assemble", spy)
            return load_catalogue(self.shipped, self.workspace, self.cache), bool(cold)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def later(path: Path) -> None:
    """A file that was written one second later, so that no clock has to be waited for."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_a_warm_load_gives_equal_values(place: Place) -> None:
    first, cold = place.load()
    second, warm = place.load()
    assert (cold, warm) == (True, False)
    assert second == first
    assert second.hash == first.hash
    for name in FILES | OWN:
        shelf, file = name.split("/")
        one, other = (getattr(c, shelf)[file.removesuffix(".yml")] for c in (first, second))
        assert one == other and type(one) is type(other) and repr(one) == repr(other)
    assert [k.hash for k in second.kpis.values()] == [k.hash for k in first.kpis.values()]
    assert definition(second, "own") == definition(first, "own")


def test_warm_shelves_are_read_only_mappings(place: Place) -> None:
    place.load()
    kpis = place.load()[0].kpis
    assert list(kpis) == sorted(["lead_growth", "order_rate", "own", "revenue_per_lead", "twice"])
    assert len(kpis) == 5 and "own" in kpis and "other" not in kpis and kpis.get("other") is None
    assert kpis["own"] is kpis["own"]
    with pytest.raises(KeyError):
        kpis["other"]
    assert not hasattr(kpis, "__setitem__")


@pytest.mark.parametrize("name", ["kpis/twice.yml", "tables/leads.yml", "measures/wait.yml"])
def test_a_changed_file_is_read_again(place: Place, name: str) -> None:
    place.load()
    later(place.shipped / name)
    assert place.load()[1]
    assert not place.load()[1]


def test_a_change_is_seen_in_the_values(place: Place) -> None:
    place.load()
    path = place.workspace / "kpis" / "own.yml"
    path.write_text(OWN["kpis/own.yml"].replace("0.5", "0.7"))
    later(path)
    assert place.load()[0].kpis["own"].variants[0].text == "leads * 0.7"


def test_a_change_is_seen_beside_a_file_that_an_editor_has_open(place: Place) -> None:
    (place.workspace / "kpis" / ".#more.yml").symlink_to("ann@desk.1234")
    place.load()
    path = place.workspace / "kpis" / "own.yml"
    path.write_text(OWN["kpis/own.yml"].replace("0.5", "0.7"))
    later(path)
    assert place.load()[0].kpis["own"].variants[0].text == "leads * 0.7"


def test_a_new_and_a_removed_file_are_seen(place: Place) -> None:
    place.load()
    write(place.workspace, {"kpis/more.yml": OWN["kpis/own.yml"]})
    assert place.load()[1] and "more" in place.load()[0].kpis
    (place.workspace / "kpis" / "more.yml").unlink()
    assert place.load()[1] and "more" not in place.load()[0].kpis


def test_a_cache_is_of_one_program_version(place: Place) -> None:
    place.load()
    place.monkeypatch.setattr(module, "VERSION", "0.0.0")
    assert place.load()[1]


def test_a_fault_is_told_every_time(place: Place) -> None:
    write(place.workspace, {"kpis/bad.yml": "formula: leds\nunit: lead\n"})
    for _ in range(2):
        with pytest.raises(DefinitionError, match="Did you mean 'leads'"):
            place.load()
    assert not place.cache.exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"{}",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:-20] + b"x" * 20,
        lambda data: data.replace(b'"formula"', b'"formulb"', 1),
        lambda data: data.replace(b'"index"', b'"indxe"', 1),
        lambda data: data.replace(b"headwater catalogue", b"headwater catalogus"),
        lambda data: data + b"more",
        lambda data: b"\xff" * len(data),
        lambda data: data.split(b"\n")[0] + b"\n[1]\n",
        lambda data: data.split(b"\n")[0] + b"\n" + json.dumps({"stamp": 1}).encode() + b"\n",
    ],
)
def test_a_spoilt_cache_is_no_cache(place: Place, spoil) -> None:
    good, _ = place.load()
    place.cache.write_bytes(spoil(place.cache.read_bytes()))
    assert place.load() == (good, True)
    assert place.load() == (good, False)


def test_a_folder_in_its_place_is_no_error(place: Place) -> None:
    place.cache.mkdir(parents=True)
    assert place.load()[1]
    assert place.load()[1]
    assert list(place.cache.parent.iterdir()) == [place.cache]


def test_a_place_that_cannot_be_written_is_no_error(place: Place) -> None:
    (place.workspace / ".headwater").write_text("a file where a folder should be")
    assert place.load()[1]


def test_a_failed_write_leaves_nothing_behind(place: Place) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError("the disk is full")

    place.monkeypatch.setattr(Path, "replace", fail)
    assert place.load()[1]
    assert list(place.cache.parent.iterdir()) == []


def test_no_cache_is_kept_where_none_is_asked_for(place: Place) -> None:
    load_catalogue(place.shipped, place.workspace)
    assert not place.cache.exists()


ASK = """
import sys
from pathlib import Path
from headwater.metrics.catalogue import load_catalogue
catalogue = load_catalogue(*(Path(a) for a in sys.argv[1:]))
rate = catalogue.kpis["order_rate"]
assert rate.variant().formula and catalogue.measures["lead_to_order"].where and catalogue.tables["leads"].columns
heavy = {"yaml", "pydantic", "pydantic_core", "pyarrow", "numpy", "pandas", "duckdb", "sqlglot", "rich", "click"}
print(sorted(heavy & set(sys.modules)))
"""


def test_a_warm_load_imports_nothing_heavy(place: Place) -> None:
    source = str(Path(module.__file__).parents[2])
    run = [sys.executable, "-c", ASK, str(place.shipped), str(place.workspace), str(place.cache)]
    environment = {**os.environ, "PYTHONPATH": source}
    outputs = [
        subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert "yaml" in outputs[0]
    assert outputs[1] == "[]\n"
