"""Files become sources: what is certain is proposed, what is not is asked, and nothing is written over."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from headwater import Workspace
from headwater.api.computable import outlook
from headwater.api.drafting import Draft
from headwater.api.grouping import Group
from headwater.api.overlaps import with_systems
from headwater.connectors import inspect, inspect_child
from headwater.connectors.inspect import Wanted
from headwater.connectors.limits import Limits
from headwater.connectors.presets import load_presets
from headwater.errors import QueryError
from headwater.model.look import Look
from headwater.model.table import Table
from tests.world import fresh

LEADS = "Lead ID,Created At,Channel\nL1,2026-01-05,email\nL2,2026-01-20,web\n"


@pytest.fixture(scope="module", autouse=True)
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped definitions, parsed once for all workspaces of this module."""
    made = Workspace.init(tmp_path_factory.mktemp("parsed"))
    made.kpi_list()
    CACHE.append(made.path / ".headwater" / "cache")
    return CACHE[-1]


CACHE: list[Path] = []


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files are looked at in this process: that they are in one of their own is tested with the look itself."""

    def run(files: list[Wanted], limits: Limits) -> tuple[list[dict[str, Any]], None]:
        jobs = [{"path": str(f.path), "name": f.path.name, "said": dict(f.said), "keys": f.keys} for f in files]
        return [json.loads(json.dumps(inspect_child.answer_of(job, tmp_path))) for job in jobs], None

    monkeypatch.setattr(inspect, "_run", run)


def workspace(tmp_path: Path, **files: str) -> Workspace:
    made = Workspace.init(tmp_path / "acme")
    shutil.copytree(CACHE[-1], made.path / ".headwater" / "cache")
    for name, text in files.items():
        path = made.path / name.replace("__", ".")
        path.write_text(text, encoding="utf-8")
    return made


def doubts(made: Workspace, **answers: str) -> dict[str, list[str]]:
    found = made.inspect(made.path, answers={k.replace("__", "."): v for k, v in answers.items()})
    return {d.id: [c.value for c in d.answers] for d in found.doubts}


def test_what_is_certain_becomes_a_source_that_loads(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv=LEADS)
    found = made.inspect(made.path, write=True)
    assert (found.doubts, found.proposals[0].state, found.proposals[0].written) == ((), "ready", ("sources/leads.yml",))
    assert [(f.source, f.loaded) for f in made.load().files] == [("leads", 2)]


def test_a_header_that_nothing_knows_is_asked_never_guessed(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv="Lead ID,Created At,Mood\nL1,2026-01-05,glad\nL2,2026-01-06,sad\n")
    asked = doubts(made)
    assert set(asked) == {"leads.mood.column"}
    assert {"leave", "own", "channel"} <= set(asked["leads.mood.column"])
    assert "created_at" not in asked["leads.mood.column"]  # a text is no date


def test_what_a_header_means_in_the_field_is_the_first_answer(tmp_path: Path) -> None:
    leads = "Lead ID,Company,Lead Source,SQL Date,Rep\nL1,Acme,Fair,2026-01-05,Ann\nL2,Acme,Fair,2026-01-05,Ann\n"
    deals = "Opportunity ID,Firm,Is Won,Created At\nO1,Acme,true,2026-01-05\nO2,Bolt,false,2026-01-06\n"
    made = workspace(tmp_path, leads__csv=leads, opportunities__csv=deals)
    asked = doubts(
        made, leads__table="leads", opportunities__is_won__column="leave", opportunities__firm__column="leave"
    )
    first = {id: answers[0] for id, answers in asked.items()}
    assert first["leads.company.column"] == "account_id"
    assert first["leads.lead_source.column"] == "origin"
    assert first["leads.sql_date.column"] == "sales_qualified_at"
    assert first["leads.rep.column"] == "owner"
    assert first["opportunities.opportunities.status.from"] == "Is Won"  # before one text for all rows
    assert "account_rule" not in asked["leads.company.column"]  # that no file delivers


def test_dates_that_fit_two_orders_and_numbers_that_fit_two_locales(tmp_path: Path) -> None:
    text = "Cost ID;Day;Kind;Function;Amount\nC1;03/04/2026;media;marketing;1.234\nC2;05/06/2026;tools;sales;2.500\n"
    asked = doubts(workspace(tmp_path, costs__csv=text))
    assert asked["costs.day.order"] == ["%d/%m/%Y", "%m/%d/%Y"]
    assert asked["costs.amount.decimal"] == [".", ","]
    assert asked["costs.currency"] == ["EUR"]


def test_one_row_settles_the_order(tmp_path: Path) -> None:
    text = "Lead ID,Created At\nL1,03/04/2026\nL2,25/04/2026\n"
    made = workspace(tmp_path, leads__csv=text)
    assert doubts(made) == {}
    assert 'date_format: "%d/%m/%Y"' in made.inspect(made.path).proposals[0].text


SOME_DATES = "Lead ID,Created At,MQL At,Channel\n" + "".join(
    f"L{i},2026-01-01,{'tbd' if i % 4 == 3 else f'2026-01-{i + 1:02}'},email\n" for i in range(20)
)


@pytest.mark.parametrize(("answer", "loaded", "aside"), [("empty", 20, 0), ("aside", 15, 5)])
def test_a_column_of_dates_with_a_quarter_of_other_texts_is_asked_about(
    tmp_path: Path, answer: str, loaded: int, aside: int
) -> None:
    """It is not taken for a text because of them, and no quarter of a file is set aside unasked."""
    made = workspace(tmp_path, leads__csv=SOME_DATES)
    (id,) = asked = doubts(made)
    assert asked == {"leads.mql_at.misfits": ["empty", "aside", "leave"]}
    found = made.inspect(made.path, answers={id: answer}, write=True)
    assert found.doubts == ()
    (file,) = made.load().files
    assert (file.loaded, file.quarantined) == (loaded, aside)


def test_dates_that_mostly_fit_are_read_in_their_order_and_offered_as_dates(tmp_path: Path) -> None:
    """A month later the same column is whole: both files together are still asked about, once."""
    rows = [f"D{i},{'?' if i % 3 == 2 else f'{i + 1:02}/02/2026'},{i}" for i in range(18)]
    text = "\n".join(["Deal,Won on,Wert", *rows, ""])
    made = workspace(tmp_path, **{"deals_2026-02__csv": text, "deals_2026-03__csv": text.replace("?", "01/03/2026")})
    answers = {"deals__table": "opportunities", "deals__deal__column": "opportunity_id", "deals__wert__column": "leave"}
    assert "closed_at" in doubts(made, **answers)["deals.won_on.column"]
    asked = doubts(made, **answers, deals__won_on__column="closed_at", deals__won_on__closed_at__misfits="empty")
    assert "deals.won_on.closed_at.misfits" not in asked
    assert not any(id.endswith(".order") for id in asked), "13/02 says which order it is"


def test_a_number_column_that_says_n_a_in_a_third_of_its_rows(tmp_path: Path) -> None:
    rows = [f"{i},2026-01-{i + 1:02},web,{'n/a' if i % 3 == 0 else f'{i},50'}" for i in range(21)]
    made = workspace(
        tmp_path, costs__csv="\n".join(["cost_id;day;channel;amount", *(r.replace(",", ";", 3) for r in rows)])
    )
    assert doubts(made)["costs.amount.misfits"][0] in ("empty", "aside")


def test_an_archive_of_one_file_is_that_file(tmp_path: Path) -> None:
    """Next month's file has another name inside, and is read all the same."""
    made = workspace(tmp_path)
    for month in ("01", "02"):
        with zipfile.ZipFile(made.path / f"leads-2026-{month}.zip", "w") as archive:
            archive.writestr(f"out/report_{month}_final.csv", LEADS.replace("L1", f"L1{month}"))
    found = made.inspect(made.path, answers={"*.table": "leads"}, write=True)
    ((proposal,),) = (found.proposals,)
    assert (proposal.path, "inside" in proposal.text) == ("leads-*.zip", False)
    assert [f.loaded for f in made.load().files] == [2, 2]


def test_stage_names_are_asked_one_by_one_and_known_ones_are_not(tmp_path: Path) -> None:
    text = "Opportunity ID,Created At,Status\nO1,2026-01-05,Won\nO2,2026-01-06,Closed Lost\nO3,2026-01-06,won\n"
    made = workspace(tmp_path, opportunities__csv=text)
    assert doubts(made) == {"opportunities.status.is.closed_lost": ["open", "won", "lost", "empty", "aside"]}
    done = made.inspect(made.path, answers={"opportunities.status.is.*": "lost"}, write=True)
    assert "values: {Won: won, Closed Lost: lost}" in done.proposals[0].text
    assert [(f.loaded, f.quarantined) for f in made.load().files] == [(3, 0)]


HUBSPOT_DEALS = "Record ID,Deal Name,Deal Stage,Close Date,Amount,Create Date\n"


def test_a_vendors_words_are_known_in_other_capitals_and_what_has_no_meaning_yet_is_asked(tmp_path: Path) -> None:
    """A stage that the vendor's list lacks has no meaning until somebody says one; until then nothing is written."""
    rows = "1,A,Closed won,2026-03-02,10,2026-01-05\n2,B,Proposal,,20,2026-02-14\n"
    file = tmp_path / "hubspot-deals.csv"
    file.write_text(HUBSPOT_DEALS + rows)
    workspace = fresh(tmp_path / "w")
    found = workspace.inspect(file)
    (doubt,) = [d for d in found.doubts if ".is." in d.id]
    assert (doubt.id, found.of("ready")) == ("hubspot_deals.deal_stage.status.is.proposal", ())
    said = {d.id: d.answers[0].value for d in found.doubts} | {doubt.id: "open"}
    answered = workspace.inspect(file, answers=said, write=True)
    assert answered.doubts == ()
    workspace.refresh()
    assert [o.value for o in workspace.measure("sales_volume", "opportunities_created")] == [1, 2]


def test_many_texts_that_may_stay_are_one_question(tmp_path: Path) -> None:
    """'referral' is a text that measures know; of eight others each is asked about only when somebody wants it."""
    origins = ("ads", "mail", "web", "fair", "radio", "print", "phone", "walk-in", "Referral")
    text = "Lead ID,Created At,Origin\n" + "".join(f"L{i},2026-01-05,{o}\n" for i, o in enumerate(origins))
    made = workspace(tmp_path, leads__csv=text)
    assert doubts(made) == {"leads.origin.texts": ["keep", "ask"]}
    assert len(doubts(made, leads__origin__texts="ask")) == 8
    assert len(doubts(made, **{"leads.origin.is.fair": "keep"})) == 7, "who names one wants to be asked"
    made.inspect(made.path, answers={"leads.origin.texts": "keep"}, write=True)
    assert [(f.loaded, f.quarantined) for f in made.load().files] == [(9, 0)]


def test_the_company_is_answered_with_the_rest_while_nobody_has_edited_it(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv=LEADS)
    answers = {"company.currency": "brl", "company.time_zone": "America/Sao_Paulo"}
    assert made.inspect(made.path, answers=answers, write=True).unused == ()
    settings = made.path / "headwater.yml"
    assert "currency: BRL" in settings.read_text(encoding="utf-8")
    assert "time_zone: America/Sao_Paulo" in settings.read_text(encoding="utf-8")
    settings.write_text(settings.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    assert made.inspect(made.path, answers={"company.currency": "USD"}).unused == ("company.currency",)
    assert "currency: BRL" in settings.read_text(encoding="utf-8")


HISTORY = """\
deal_id,name,value,timestamp,source
1,x1==,closedwon,2026-01-05 10:00:00,UI
1,x2==,closedlost,2026-01-06 10:00:00,UI
"""


def test_property_names_that_are_hashed_are_asked_about(tmp_path: Path) -> None:
    made = workspace(tmp_path, deal_property_history__csv=HISTORY)
    asked = "deal_property_history.stage_entries.where"
    assert doubts(made) == {asked: ["x1==", "x2==", "leave"]}
    done = made.inspect(made.path, answers={asked: "x1=="}, write=True)
    assert 'where: {column: name, values: ["x1=="]}' in done.proposals[0].text
    assert [(f.source, f.loaded, f.skipped) for f in made.load().files] == [
        ("deal_property_history", 1, (("not_meant", 1),))
    ]


def test_property_names_that_are_known_are_not(tmp_path: Path) -> None:
    assert doubts(workspace(tmp_path, deal_property_history__csv=HISTORY.replace("x1==", "dealstage"))) == {}


def test_texts_of_rows_that_are_not_meant_are_not_asked_about(tmp_path: Path) -> None:
    text = (
        "id,type,created,email_campaign_id,sent_by_id,sent_by_created,recipient\n"
        "a,SENT,2026-01-05 10:00:00,1,,,x@one.org\nb,PROCESSED,2026-01-05 10:00:00,1,a,2026-01-05 10:00:00,x@one.org\n"
    )
    assert doubts(workspace(tmp_path, events__csv=text)) == {}


def test_rows_that_share_a_key_are_asked_about(tmp_path: Path) -> None:
    text = "Lead ID,Created At,Channel\nL1,2026-01-05,email\nL1,2026-01-09,web\nL2,2026-01-05,web\n"
    asked = doubts(workspace(tmp_path, leads__csv=text))
    assert list(asked) == ["leads.leads.key"]
    assert {"aside", "updated_at:Created At"} <= set(asked["leads.leads.key"])


def test_monthly_files_that_overlap_are_one_source(tmp_path: Path) -> None:
    made = workspace(
        tmp_path,
        **{
            "leads-2026-01__csv": LEADS,
            "leads-2026-02__csv": "Lead ID,Created At,Channel\nL2,2026-01-20,ads\nL3,2026-02-03,web\n",
        },
    )
    found = made.inspect(made.path, write=True)
    assert [(p.source, p.path, len(p.files)) for p in found.proposals] == [("leads", "leads-*.csv", 2)]
    made.refresh()
    by_channel = made.measure("leads", by="channel")
    assert {o.segment[0][1]: o.value for o in by_channel} == {"email": 1.0, "ads": 1.0, "web": 1.0}


def test_a_copy_of_a_table_is_a_doubt_and_never_summed(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv=LEADS, leads_snowflake__csv=LEADS.replace("email", "EMAIL"))
    found = made.inspect(made.path)
    assert [(d.id, [c.value for c in d.answers]) for d in found.doubts] == [("leads_snowflake.copy", ["leave", "load"])]
    done = made.inspect(made.path, answers={"leads_snowflake.copy": "leave"}, write=True)
    assert [(p.source, p.state) for p in done.proposals] == [("leads", "ready"), ("leads_snowflake", "left")]
    assert [(f.source, f.loaded) for f in made.load().files] == [("leads", 2)]


def test_a_source_with_open_doubts_is_not_loaded_and_the_others_are(tmp_path: Path) -> None:
    unclear = "Cost ID,Day,Kind,Function,Amount\nC1,03/04/2026,media,marketing,5\nC2,05/06/2026,tools,sales,6\n"
    made = workspace(tmp_path, leads__csv=LEADS, costs__csv=unclear)
    made.inspect(made.path, answers={"costs.currency": "EUR"}, write=True)
    loaded = {f.source: f for f in made.load().files}
    assert loaded["leads"].state == "loaded"
    assert loaded["costs"].state == "refused"
    assert "costs.day.order" in loaded["costs"].reason
    done = made.inspect(made.path / "costs.csv", answers={"costs.day.order": "%d/%m/%Y"}, write=True)
    assert done.doubts == ()
    assert {f.source: f.state for f in made.load().files} == {"leads": "unchanged", "costs": "loaded"}


def test_answers_are_kept_and_open_questions_stand_there_to_fill_in(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv="Lead ID,Created At,Mood,Tone\nL1,2026-01-05,glad,x\nL2,2026-01-06,sad,y\n")
    made.inspect(made.path, answers={"leads.mood.column": "leave"}, write=True)
    text = (made.path / "answers.yml").read_text()
    assert "leads.mood.column: leave\n" in text
    assert "# leads.tone.column:\n" in text
    (made.path / "answers.yml").write_text(text.replace("# leads.tone.column:", "leads.tone.column: leave"))
    assert made.inspect(made.path, write=True).doubts == ()


def test_an_answer_that_nothing_asked_for_is_told_until_its_source_stands(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv="Lead ID,Created At,Mood\nL1,2026-01-05,glad\nL2,2026-01-06,sad\n")
    wrong = {"leads.moood.column": "leave"}
    assert made.inspect(made.path, answers=wrong, write=True).unused == ("leads.moood.column",)
    assert made.inspect(made.path).unused == ("leads.moood.column",)  # it stands among the answers
    done = made.inspect(made.path, answers={"leads.mood.column": "leave"}, write=True)
    assert done.unused == ()
    again = made.inspect(made.path, answers={"leads.mood.column": "leave"})
    assert [p.state for p in again.proposals] == ["kept"]
    assert again.unused == ("leads.mood.column",)  # given now, for nothing


def test_no_source_file_is_written_over(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv="Lead ID,Created At,Mood\nL1,2026-01-05,glad\nL2,2026-01-06,sad\n")
    made.inspect(made.path, write=True)
    path = made.path / "sources" / "leads.yml"
    edited = path.read_text().replace("load: incremental", "load: full")
    path.write_text(edited)
    found = made.inspect(made.path, answers={"leads.mood.column": "leave"}, write=True)
    assert [p.state for p in found.proposals] == ["kept"]
    assert path.read_text() == edited


def test_a_file_of_that_name_that_reads_something_else_stays(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv=LEADS)
    mine = "path: other.csv\ntables: {leads: {columns: {lead_id: A, created_at: B}}}\n"
    (made.path / "sources" / "leads.yml").write_text(mine)
    found = made.inspect(made.path, write=True)
    assert [(p.source, p.state) for p in found.proposals] == [("leads_2", "ready")]
    assert (made.path / "sources" / "leads.yml").read_text() == mine


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"leads.mood.column": "created_at"}, "none of"),
        ({"leads.mood.column": "chanel"}, "Did you mean 'channel'"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(tmp_path: Path, answers: dict[str, str], why: str) -> None:
    made = workspace(tmp_path, leads__csv="Lead ID,Created At,Mood\nL1,2026-01-05,glad\nL2,2026-01-06,sad\n")
    with pytest.raises(QueryError, match=why):
        made.inspect(made.path, answers=answers)


def test_a_file_that_cannot_be_read_is_one_line_and_the_others_go_on(tmp_path: Path) -> None:
    made = workspace(tmp_path, leads__csv=LEADS)
    (made.path / "broken.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    found = made.inspect(made.path)
    assert [(Path(u.path).name, u.what) for u in found.unread] == [("broken.xlsx", "the workbook is damaged")]
    assert [p.state for p in found.proposals] == ["ready"]


def test_an_own_table_is_proposed_with_its_key(tmp_path: Path) -> None:
    text = "ticket,opened,topic,hours\nT1,2026-01-05,login,1.5\nT2,2026-01-06,billing,2.25\n"
    made = workspace(tmp_path, tickets__csv=text)
    answers = {"tickets.table": "own", "tickets.money": "none", "tickets.key": "ticket"}
    found = made.inspect(made.path, answers=answers, write=True)
    assert found.doubts == ()
    assert [(f.source, f.loaded) for f in made.load().files] == [("tickets", 2)]


def test_own_columns_of_a_table_from_two_sources_stand_beside_each_other(tmp_path: Path) -> None:
    """The second source comes when the first was written already: what it needs of the table stays."""
    made = workspace(tmp_path, leads__csv="Lead ID,Created At,Mood\nL1,2026-01-05,glad\nL2,2026-01-06,sad\n")
    made.inspect(made.path, answers={"leads.mood.column": "own"}, write=True)
    more = "Lead ID,Created At,Weather\nK1,2026-01-05,sunny\nK2,2026-01-06,wet\n"
    (made.path / "fair.csv").write_text(more, encoding="utf-8")
    answers = {"fair.table": "leads", "fair.weather.column": "own"}
    made.inspect(made.path, answers=answers, write=True)
    assert sorted((f.source, f.loaded) for f in made.load().files) == [("fair", 2), ("leads", 2)]


def test_an_archive_is_a_source_for_each_kind_of_file_in_it(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    with zipfile.ZipFile(made.path / "all.zip", "w") as archive:
        archive.writestr("crm/leads-2026-01.csv", "Lead ID,Created At,Channel\nL1,2026-01-05,email\n")
        archive.writestr("crm/leads-2026-02.csv", "Lead ID,Created At,Channel\nL2,2026-02-05,web\n")
        archive.writestr("costs.csv", "Cost ID,Day,Kind,Function,Amount,Where\nC1,2026-01-05,media,sales,5,x\n")
    first = made.inspect(made.path, write=True)
    assert [(p.source, p.state) for p in first.proposals] == [("costs", "open"), ("leads", "ready")]
    answers = {"costs.where.column": "leave", "costs.currency": "EUR"}
    second = made.inspect(made.path, answers=answers, write=True)
    assert [(p.source, p.state) for p in second.proposals] == [("costs", "ready"), ("leads", "kept")]
    loaded = {(f.source, Path(f.path).name): f.loaded for f in made.load().files}
    assert loaded == {("leads", "leads-2026-01.csv"): 1, ("leads", "leads-2026-02.csv"): 1, ("costs", "costs.csv"): 1}


def test_ids_of_two_systems_are_kept_apart_where_they_could_meet(tmp_path: Path) -> None:
    drafts = []
    for name, system, constant in (("a", "one", {}), ("b", "two", {}), ("c", "three", {"platform": {"constant": "x"}})):
        look = Look(path=f"{name}.csv", format="csv", header=(), columns=(), rows=0, exact=True)
        draft = Draft(Group(name, f"{name}.csv", (), (look,), look))
        table = "ad_days" if constant else "accounts"
        draft.tables[table] = {"columns": {"account_id": {"column": "id"}, **constant}}
        draft.says["system"] = system
        drafts.append(draft)
    tables = {
        t.id: t
        for t in (Table("accounts", "", "", "", ("account_id",), ()), Table("ad_days", "", "", "", ("platform",), ()))
    }
    with_systems(drafts, (), tables)
    assert [d.says.get("system") for d in drafts] == ["one", "two", None]
    with_systems(drafts[:1], (), tables)
    assert drafts[0].says.get("system") is None


def test_a_flag_that_marks_every_row_is_asked_about(tmp_path: Path) -> None:
    text = "Lead ID,Created At,Gone\nL1,2026-01-05,true\nL2,2026-01-06,true\n"
    made = workspace(tmp_path, leads__csv=text)
    asked = doubts(made, **{"leads.gone.column": "deleted"})
    assert asked == {"leads.leads.deleted": ["keep", "ignore"]}


def test_what_can_be_computed_what_is_missing_and_who_exports_it(parsed: Path) -> None:
    catalogue = Workspace(parsed.parents[1])._catalogue()
    presets = load_presets(catalogue.tables)
    leads = ("leads", ("lead_id", "created_at"))
    one = outlook(catalogue, [leads], presets)
    assert {"leads", "lead_growth_rate"} <= set(one.kpis)
    assert "cost_per_lead" not in one.kpis
    wants = {(m.table, m.column): m for m in one.missing}
    assert "cost_per_lead" in wants["costs", ""].kpis
    assert "lead_to_customer_rate" in wants["opportunities", ""].kpis
    assert any("Salesforce" in e for e in wants["opportunities", ""].exports)
    costs = ("costs", ("cost_id", "day", "kind", "function", "amount"))
    assert "cost_per_lead" in outlook(catalogue, [leads, costs], presets).kpis
    known = ("leads", ("lead_id", "created_at", "mql_at"))
    assert ("stage_entries", "") in {(m.table, m.column) for m in one.missing if "mqls" in m.kpis}
    assert "mqls" in outlook(catalogue, [known], presets).kpis


def test_what_is_written_holds_no_value_of_the_file(tmp_path: Path) -> None:
    text = "Lead ID,Created At,Mail\nL1,2026-01-05,ann@canary.example\nL2,2026-01-20,bob@canary.example\n"
    made = workspace(tmp_path, leads__csv=text)
    found = made.inspect(made.path, write=True)
    assert "canary" in found.to_text()
    written = [p for p in made.path.rglob("*") if p.is_file() and p.suffix != ".csv" and ".headwater" not in p.parts]
    assert {"answers.yml", "leads.yml"} <= {p.name for p in written}
    assert [p.name for p in written if "canary" in p.read_text(encoding="utf-8")] == []


def test_a_date_with_a_typing_error_is_no_key_though_it_never_repeats(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("Lead ID,Created\nL1,05.01.2026\nL2,20.01.2026\nL3,14.02.2026\nL4,xx.02.2026\n")
    found = fresh(tmp_path / "w").inspect(file)
    (doubt,) = [d for d in found.doubts if d.id == "leads.created.column"]
    assert doubt.answers[0].value == "created_at"
