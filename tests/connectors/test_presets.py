"""Presets: every shape is recognised from a small file written by hand and loads the rows that stand beside it."""

from __future__ import annotations

import csv
import runpy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

import headwater
from headwater.connectors.presets import load_presets, recognise, rivals
from headwater.connectors.sources import load_sources
from headwater.errors import DefinitionError
from headwater.metrics.catalogue import load_catalogue
from headwater.model.preset import VENDOR
from tests.connectors.load import NOW, SETTINGS, _here

TABLES = load_catalogue(Path(headwater.__file__).parent / "catalogue").tables
PRESETS = load_presets(TABLES)
DOCS = Path(__file__).parents[2] / "docs"
FILES = Path(__file__).parent / "presets"
"""For each preset: shape -> a file, the rows it gives, and what only a user knows of it (`read`: source keys)."""

CASES = {
    f"{path.stem}.{shape}": case
    for path in sorted(FILES.glob("*.yml"))
    for shape, case in yaml.safe_load(path.read_text(encoding="utf-8")).items()
}
SHAPES = {f"{p.id}.{s.id}": s for p in PRESETS.values() for s in p.shapes.values()}


def test_every_shape_has_a_file_and_every_file_a_shape() -> None:
    assert sorted(CASES) == sorted(SHAPES)


def header_of(case: dict[str, Any], line: int) -> list[str]:
    """The header on a line of the file, cut at the mark it has most of."""
    text = case["file"].splitlines()[line]
    return next(csv.reader([text], delimiter=max(",;\t|", key=text.count)))


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_file_of_the_shape_is_recognised_and_loaded(name: str, tmp_path: Path) -> None:
    case, shape = CASES[name], SHAPES[name]
    said = {**dict(shape.source), **case.get("read", {})}
    header = header_of(case, int(said.get("skip_rows", 0)))
    matches = recognise(header, case.get("name", "export.csv"), PRESETS)
    assert [m.id for m in matches][:1] == [name]
    best = matches[0]
    assert list(best.unknown) == case.get("unknown", [])
    assert set(best.tables()) == set(case["rows"])
    if not case["rows"]:
        return
    folder = tmp_path / "sources"
    folder.mkdir()
    (tmp_path / "export.csv").write_text(case["file"], encoding="utf-8")
    text = {"path": "export.csv", **best.source(), **case.get("read", {}), "tables": best.tables()}
    (folder / "export.yml").write_text(yaml.safe_dump(text, sort_keys=False, allow_unicode=True), encoding="utf-8")
    source = load_sources(tmp_path, TABLES)["export"]
    staged = tmp_path / "staged"
    staged.mkdir()
    draft = _here(source, tmp_path / "export.csv", dict(TABLES), staged, SETTINGS, NOW)
    import pyarrow.parquet as pq

    aside = [(q["raw"].split(",")[0], q["column"]) for q in pq.read_table(staged / "quarantine.parquet").to_pylist()]
    assert aside == [(str(key), column) for key, column in case.get("aside", [])]
    assert dict(draft.skipped).get("not_meant", 0) == case.get("not_meant", 0)
    assert draft.loaded + draft.quarantined + draft.collapsed == draft.data_rows
    for table, expected in case["rows"].items():
        (part,) = [t for t in draft.tables if t.table == table]
        rows = pq.read_table(staged / part.file).to_pylist()
        assert [{k: plain(row.get(k)) for k in want} for row, want in zip(rows, expected, strict=True)] == expected


def plain(value: Any) -> Any:
    """A value as the files of this test write it."""
    if isinstance(value, Decimal):
        return float(value)
    return value


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_shape_is_known_in_each_of_its_languages(name: str) -> None:
    """A header in which every word is of one language is recognised as that shape, in that language."""
    shape = SHAPES[name]
    for language in shape.languages:
        header = [said[0].replace("{currency}", "EUR") for said in shape.wordings(language).values()]
        best = recognise(header, shape.file.replace("*", ""), PRESETS)[0]
        assert (best.id, best.unknown, best.missing) == (name, (), ())
        assert language in (best.language, VENDOR)
        other = recognise([*reversed(header), "zz"], shape.file.replace("*", ""), PRESETS)[0]
        assert (other.id, other.unknown, other.found, other.tables()) == (name, ("zz",), best.found, best.tables())


def test_the_page_of_presets_is_what_the_files_say() -> None:
    generator = runpy.run_path(str(DOCS / "generate_presets.py"))
    written = (DOCS / "presets.md").read_text(encoding="utf-8")
    assert written == generator["page"](PRESETS.values()), "run: python docs/generate_presets.py"


def test_a_reference_is_a_page_and_says_something() -> None:
    for preset in PRESETS.values():
        assert all(r.url.startswith("https://") and len(r.says) > 20 for r in preset.references)


def test_an_unknown_header_is_named_and_never_guessed() -> None:
    header = ["customer_id", "date", "id", "base_campaign", "cost_micros", "impressions", "clicks", "wobble"]
    best = recognise(header, "campaign_stats.csv", PRESETS)[0]
    assert (best.id, best.unknown) == ("google_ads.campaign_stats", ("wobble",))
    assert "conversions" not in best.tables()["ad_days"]["columns"]


def test_headers_are_compared_without_case_blanks_and_kinds_of_dashes() -> None:
    header = [" ID DE FICHE D\u2019INFORMATIONS", "Nom  de la\u00a0transaction ", "phase de la transaction"]
    best = recognise(header, "", PRESETS)[0]
    assert (best.id, best.language, best.unknown) == ("hubspot.deals_download", "fr", ())
    assert best.tables()["opportunities"]["columns"]["opportunity_id"] == header[0]
    tagged = [
        "Sitzung - prim\u00e4re Channelgruppe (Standard-Channelgruppe)",
        "Sitzungen",
        "Sitzungen mit Interaktionen",
    ]
    assert recognise(tagged, "", PRESETS)[0].id == "ga4.traffic_acquisition_download"


def test_texts_put_together_need_all_their_parts_and_the_first_filled_only_one() -> None:
    table = ["engagement_id", "property_hs_timestamp", "type"]
    kind = recognise(table, "", PRESETS)[0].tables()["activities"]["columns"]["kind"]
    assert (kind["columns"], kind["take"]) == (["type"], "first")
    report = ["Opportunity ID", "Opportunity Name", "Stage", "Close Date", "Closed"]
    assert [m.id for m in recognise(report, "", PRESETS)] == ["salesforce.opportunities_by_stage_report"]


def test_a_header_that_lacks_what_is_needed_is_no_match() -> None:
    assert recognise(["Day", "Campaign", "Clicks", "Cost"], "campaigns.csv", PRESETS) == ()
    assert recognise(["ad_id", "date", "account_id", "impressions", "spend"], "ad_report.csv", PRESETS) == ()
    assert recognise([], "", PRESETS) == ()


def test_copies_for_warehouses_and_levels_of_one_figure_are_rivals() -> None:
    company = recognise(["id", "property_name", "property_createdate", "is_deleted"], "", PRESETS)[0]
    campaigns = recognise(["Day", "Campaign", "Impr.", "Cost"], "", PRESETS)[0]
    groups = recognise(["Day", "Campaign", "Ad group", "Impr.", "Cost"], "", PRESETS)[0]
    files = {"company_data.csv": company, "company_data_snowflake.csv": company, "a-2026-01.csv": campaigns}
    assert rivals(files) == (("company_data.csv", "company_data_snowflake.csv"),)
    assert rivals({"a-2026-01.csv": campaigns, "a-2026-02.csv": campaigns}) == ()
    assert rivals({"campaigns.csv": campaigns, "groups.csv": groups}) == (("campaigns.csv", "groups.csv"),)


FAULTY = """\
title: T
about: A
references: [{url: "https://example.com", says: Something that is said.}]
shapes:
  one:
    title: One
    kind: table
    headers: [a]
    words: {de: {b: be, zz: zett}}
    asks: [{column: nothing, what: What?}]
    tables:
      accounts: {columns: {account_id: a, name: b}}
  two:
    title: Two
    kind: table
    headers: [a]
    source: {decimal: ";"}
    tables:
      accounts: {columns: {name: b}}
"""


def test_every_fault_of_a_preset_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "odd.yml").write_text(FAULTY, encoding="utf-8")
    with pytest.raises(DefinitionError) as e:
        load_presets(TABLES, tmp_path)
    assert [(f.line, f.key) for f in e.value.faults] == [
        (9, "shapes.one.words.de.zz"), (10, "shapes.one.asks[1].column"), (17, "shapes.two.decimal"),
    ]  # fmt: skip
