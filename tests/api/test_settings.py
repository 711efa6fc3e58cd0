"""`headwater.yml`: every key, every fault with its line, and a cache that is never stale."""

from pathlib import Path

import pytest

from headwater.api.settings import Override, read_company
from headwater.errors import DefinitionError
from headwater.model.period import Calendar
from headwater.model.settings import Settings


def read(folder: Path, text: str) -> tuple[Settings, object]:
    (folder / "headwater.yml").write_text(text, encoding="utf-8")
    company = read_company(folder, folder / "cache")
    return company.settings, company.overrides


def test_every_key(tmp_path: Path) -> None:
    settings, overrides = read(
        tmp_path,
        "company: Acme\ncurrency: USD\ntime_zone: Europe/Berlin\ncalendar: {fiscal_start: 4, pattern: 445}\n"
        "engine: duckdb\nmemory_mb: 512\nthreads: 1\nrate_days: 3\nlocale: de-CH\n"
        "kpis:\n  win_rate: {small_sample: 10, tolerance: 0.05, mature: 90 days}\n",
    )
    assert settings == Settings("Acme", "USD", "Europe/Berlin", Calendar(4, "445"), "duckdb", 512, 1, 3, "de_CH")
    assert overrides == {"win_rate": Override(10, 0.05, "90 days")}


def test_only_the_company_is_enough(tmp_path: Path) -> None:
    assert read(tmp_path, "company: Acme\n")[0] == Settings("Acme")


def test_all_faults_at_once_with_lines_and_near_names(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as error:
        read(
            tmp_path,
            "company: Acme\ncurency: EUR\ncurrency: Euro\ntime_zone: Mars/Base\ncalendar: {fiscal_start: 13}\n"
            "threads: many\nkpis: {win_rate: {mature: soon}}\n",
        )
    told = [str(f) for f in error.value.faults]
    assert [f.line for f in error.value.faults] == [2, 3, 4, 5, 6, 7]
    assert "'currency'" in told[0]
    assert "ISO code" in told[1]
    assert "Europe/Berlin" in told[2]
    assert "90 days" in told[5]


def test_a_changed_file_is_read_again_even_within_one_tick(tmp_path: Path) -> None:
    assert read(tmp_path, "company: A\ncurrency: EUR\n")[0].currency == "EUR"
    assert read(tmp_path, "company: A\ncurrency: USD\n")[0].currency == "USD"


def test_the_cache_answers_without_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(tmp_path, "company: A\nkpis: {x: {small_sample: 3}}\n")
    from headwater.api import settings_file

    monkeypatch.setattr(settings_file, "parse_company", None)
    again = read_company(tmp_path, tmp_path / "cache")
    assert (again.settings, again.overrides) == first


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"text": 1}', b"\xff"])
def test_a_damaged_cache_is_no_fault(tmp_path: Path, damage: bytes) -> None:
    read(tmp_path, "company: A\n")
    (tmp_path / "cache" / "settings.json").write_bytes(damage)
    assert read_company(tmp_path, tmp_path / "cache").settings == Settings("A")


def test_a_place_for_the_cache_that_cannot_be_made_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert read(tmp_path, "company: A\n")[0] == Settings("A")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"- a\n", b"a: [\n"])
def test_what_is_no_settings_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "headwater.yml").write_bytes(content)
    with pytest.raises(DefinitionError, match=r"headwater\.yml"):
        read_company(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize("written", ["klingon", "e", "en_XYZW_1", "''"])
def test_a_locale_that_does_not_exist_is_named(tmp_path: Path, written: str) -> None:
    with pytest.raises(DefinitionError) as error:
        read(tmp_path, f"company: Acme\nlocale: {written}\n")
    assert "zh_Hant_TW" in str(error.value.faults[0])


ADDRESSES = (
    "duckdb",
    "chdb",
    "spark:local[2]",
    "spark://host:7077",
    "postgresql://reader@db/kpi",
    "postgresql:///?service=kpi",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_engine_is_chosen_in_one_line(tmp_path: Path, address: str) -> None:
    settings, _ = read(tmp_path, f"engine: '{address}'\n")
    assert (settings.engine, settings.loader, settings.role) == (address, "", "")


def test_a_reader_and_a_loader(tmp_path: Path) -> None:
    two = "engine:\n  reader: postgresql://some%20body@db/kpi\n  loader: postgresql://boss@db/kpi\n"
    settings, _ = read(tmp_path, two)
    assert settings.engine == "postgresql://some%20body@db/kpi"
    assert (settings.loader, settings.role) == ("postgresql://boss@db/kpi", "some body")
    settings, _ = read(tmp_path, two.replace("some%20body@db", "db") + "  role: people\n")
    assert settings.role == "people"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("engine: oracle://x", "no engine has the address"),
        ("engine: duckdb:file", "no engine has the address"),
        ("engine: postgresql:x", "no engine has the address"),
        ("engine: 'spark:'", "no engine has the address"),
        ("engine: mysql://me:hidden@db/kpi", "no engine has the address"),
        ("engine: postgresql://me:hidden@db/kpi", "PGPASSFILE"),
        ("engine: postgresql://db/kpi?user=me&password=hidden", "PGPASSFILE"),
        ("engine: {reader: 'postgresql://me:hidden@db/kpi', loader: 'postgresql://me@db/kpi'}", "PGPASSFILE"),
        ("engine: {reader: chdb, loader: 'postgresql://me@db/kpi'}", "only PostgreSQL"),
        ("engine: {reader: 'postgresql://db/kpi', loader: 'postgresql://me@db/kpi'}", "as 'role'"),
        ("engine: {reader: 'postgresql://me@db/kpi'}", "loader"),
    ],
)
def test_an_engine_that_is_none_or_holds_a_password(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, text + "\n")
    assert told in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_the_engine_is_no_part_of_the_build_version(tmp_path: Path) -> None:
    from headwater.api.workspace import Workspace
    from tests.world import world

    built = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-03"}]})
    (built.path / "headwater.yml").write_text("company: World\nengine: chdb\n", encoding="utf-8")
    again = Workspace(built.path, now=built._folder.moment, environment={})
    traced = again.trace("leads")
    assert traced.engine.startswith("ClickHouse") and traced[0].numbers[0].observation.value == 1
    assert again.doctor().rows.rows[0][:2] == ("fact", f"questions are answered by {traced.engine}")
    assert not again.check().failed
