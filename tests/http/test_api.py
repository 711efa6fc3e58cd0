"""The HTTP interface: the answers of `Workspace`, every refusal a problem, and a tag that never names an old answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from headwater import Workspace
from headwater.api.held import Held
from headwater.errors import HeadwaterError, SourceError, StoppedError, WorkspaceError
from headwater.http import asked
from headwater.http.answers import Tag, as_file
from headwater.http.api import routes
from headwater.http.problems import problem, status_of
from headwater.http.shapes import Observation
from headwater.model.observation import OBSERVATION_FIELDS
from tests.http.client import Client
from tests.surface import small_company
from tests.world import NOW, fresh, land, world


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def api(company: Workspace) -> Iterator[Client]:
    with Held(company.path, now=NOW, environment={}) as held:
        yield over(held)


def over(held: Held) -> Client:
    app = FastAPI(openapi_url="/api/openapi.json")
    app.include_router(routes(held))
    return Client(app)


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told: dict[str, Any] = answer.json()
    assert (told["status"], told["detail"]) == (status, told["what"])
    return told


# --- answers ---------------------------------------------------------------------------------------------------------
def test_a_number(api: Client) -> None:
    (found,) = ok(api.get("/api/measure?kpi=own_leads&period=2025-01"))
    assert (found["value"], found["period_start"], found["quality"]) == (4.0, "2025-01-01", [])


def test_the_json_is_that_of_the_command_line(company: Workspace, api: Client) -> None:
    by_month = {"period": "2025-Q1", "grain": "month", "by": ["channel"], "filter": "channel = 'email'"}
    asked_so = "kpi=own_leads&kpi=own_mql_rate&period=2025-Q1&grain=month&by=channel&filter=channel%20=%20'email'"
    assert (
        api.get(f"/api/measure?{asked_so}").text == company.measure("own_leads", "own_mql_rate", **by_month).to_json()
    )
    assert api.get(f"/api/trace?{asked_so}").text == company.trace("own_leads", "own_mql_rate", **by_month).to_json()
    two = company.compare("own_leads", period=["2025-01", "2025-02"], as_of="2025-06-01")
    assert api.get("/api/compare?kpi=own_leads&period=2025-01&period=2025-02&as_of=2025-06-01").text == two.to_json()
    assert (
        api.get("/api/compare?kpi=own_leads&kpi=own_reach").text == company.compare("own_leads", "own_reach").to_json()
    )
    assert api.get("/api/records?kpi=own_reach&limit=3").text == company.records("own_reach", limit=3).to_json()
    assert api.get("/api/kpi").text == company.kpi_list().to_json()
    assert api.get("/api/kpi?find=own+rate").text == company.kpi_list("own rate").to_json()
    assert api.get("/api/kpi/coverage?find=own").text == company.kpi_coverage("own").to_json()
    assert api.get("/api/kpi/own_mql_rate").text == company.kpi_show("own_mql_rate").to_json()
    assert api.get("/api/check").text == company.check().to_json()
    assert [r["kind"] for r in ok(api.get("/api/doctor"))] == [r[0] for r in company.doctor()]


def test_personal_values_are_masked_and_nothing_unmasks_them(api: Client) -> None:
    text = api.get("/api/records?kpi=own_reach").text
    assert "***" in text and "@" not in text
    assert "'unmask'" in refused(api.get("/api/records?kpi=own_reach&unmask=true"), 400)["what"]


def test_a_file_in_every_form(company: Workspace, api: Client) -> None:
    path = "/api/measure?kpi=own_leads&by=channel&format="
    answer = company.measure("own_leads", by="channel")
    assert api.get(path + "csv").text == answer.to_csv()
    rows = list(csv.DictReader(io.StringIO(api.get(path + "csv").text)))
    assert [(r["channel"], r["value"]) for r in rows] == [("'=cmd", "1"), ("ads", "2"), ("email", "4"), ("", "1")]
    assert pq.read_table(io.BytesIO(api.get(path + "parquet").content)).equals(answer.to_arrow())
    sheet = openpyxl.load_workbook(io.BytesIO(api.get(path + "xlsx").content)).active
    assert sheet is not None and sheet.max_row == 5


@pytest.mark.parametrize(
    ("path", "name", "media"),
    [
        ("/api/measure?kpi=own_leads&format=csv", r'"measure-own_leads-DATA.csv"', "text/csv; charset=utf-8"),
        ("/api/records?kpi=own_leads&period=2025-01&format=parquet", '"records-own_leads-2025-01-DATA.parquet"',
         "application/vnd.apache.parquet"),
        ("/api/compare?kpi=own_leads&kpi=own_reach&format=xlsx", '"compare-own_leads-own_reach-DATA.xlsx"',
         "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)  # fmt: skip
def test_a_file_has_a_name(company: Workspace, api: Client, path: str, name: str, media: str) -> None:
    answer = api.get(path)
    data = company.measure("own_leads")[0].data
    assert answer.headers["content-disposition"] == f"attachment; filename={name.replace('DATA', data)}"
    assert answer.headers["content-type"] == media


def test_a_name_holds_nothing_that_a_header_or_a_folder_understands() -> None:
    told = as_file("csv", "a", '"; ../../x\r\nSet-Cookie: y', "ü" * 300, "..", "last 12 months", "b" * 300)
    (header,) = told.values()
    name = header.removeprefix('attachment; filename="').removesuffix('.csv"')
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzSC0123456789_.-") and len(name) <= 120
    assert "/" not in name and not name.startswith(".")


# --- tags ------------------------------------------------------------------------------------------------------------
TAGGED = [
    "/api/measure?kpi=own_leads", "/api/measure?kpi=own_leads&format=xlsx", "/api/records?kpi=own_leads",
    "/api/trace?kpi=own_leads", "/api/compare?kpi=own_leads&kpi=own_reach", "/api/kpi", "/api/kpi/own_leads",
    "/api/kpi/coverage", "/api/check",
]  # fmt: skip


@pytest.mark.parametrize("path", TAGGED)
def test_an_answer_that_is_known_is_not_sent_again(api: Client, path: str) -> None:
    first = api.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for known in (tag, f'"other", {tag}', "*", tag.removeprefix("W/"), f"W/{tag.removeprefix('W/')}"):
        again = api.get(path, if_none_match=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert api.get(path, if_none_match='"other"').content


def test_a_tag_is_weak_where_the_bytes_may_differ(api: Client) -> None:
    tags = {
        f: api.get(f"/api/measure?kpi=own_leads&format={f}").headers["etag"] for f in ("json", "csv", "xlsx", "parquet")
    }
    assert {f: tag.startswith("W/") for f, tag in tags.items()} == {
        "json": False, "csv": False, "xlsx": True, "parquet": True,
    }  # fmt: skip
    assert len(set(tags.values())) == 4


def test_every_parameter_is_part_of_the_tag(api: Client) -> None:
    asked_so = ["", "&period=2025-01", "&period=2025-02", "&grain=month", "&by=channel", "&filter=channel%20=%20'ads'",
                "&as_of=2025-02-01", "&kpi=own_reach"]  # fmt: skip
    tags = [api.get(f"/api/measure?kpi=own_leads{more}").headers["etag"] for more in asked_so]
    tags += [
        api.get("/api/trace?kpi=own_leads").headers["etag"],
        api.get("/api/records?kpi=own_leads&limit=5").headers["etag"],
    ]
    assert len(set(tags)) == len(tags)


def test_a_tag_changes_with_data_definitions_and_day(tmp_path: Path) -> None:
    company = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-03"}]})
    tags: list[dict[str, str]] = []

    def look(now: Any = NOW) -> None:
        with Held(company.path, now=now, environment={}) as held:
            client = over(held)
            paths = ("/api/measure?kpi=leads", "/api/records?kpi=leads", "/api/kpi", "/api/kpi/leads")
            tags.append({path: client.get(path).headers["etag"] for path in paths})

    look()
    look()
    assert tags[0] == tags[1]
    land(company, {"leads": [{"lead_id": "b", "created_at": "2025-01-04"}]})
    company.refresh()
    look()
    (company.path / "headwater.yml").write_text("company: World\nkpis: {leads: {tolerance: 0.5}}\n")
    look()
    look(NOW.replace(day=16))
    changed = [{path: before[path] != after[path] for path in before} for before, after in pairwise(tags)]
    numbers, words = ("/api/measure?kpi=leads", "/api/records?kpi=leads"), ("/api/kpi", "/api/kpi/leads")
    assert [[c[p] for p in numbers] for c in changed] == [[False] * 2, [True] * 2, [True] * 2, [True] * 2]
    assert [[c[p] for p in words] for c in changed] == [[False] * 2, [False] * 2, [True] * 2, [False] * 2]


def test_an_earlier_data_version_keeps_its_answer(tmp_path: Path) -> None:
    company = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-03"}]})
    first = company.measure("leads")[0].data
    with Held(company.path, now=NOW, environment={}) as held:
        client = over(held)
        tag = client.get(f"/api/measure?kpi=leads&generation={first}").headers["etag"]
        land(company, {"leads": [{"lead_id": "b", "created_at": "2025-01-04"}]})
        company.refresh()
        then, now = client.get(f"/api/measure?kpi=leads&generation={first}"), client.get("/api/measure?kpi=leads")
        assert [ok(then)[0]["value"], ok(now)[0]["value"]] == [1.0, 2.0]
        assert then.headers["etag"] == tag


def test_the_weak_comparison_takes_whole_tags_alone() -> None:
    tag = Tag("abc")
    assert [tag.is_in(h) for h in ('"abc"', 'W/"abc"', '"x", W/"abc"', "*")] == [True] * 4
    assert [tag.is_in(h) for h in ("", "abc", '"abcd"', '"ab", "c"', '"*"')] == [False] * 5


@pytest.mark.parametrize("path", [*TAGGED, "/api/doctor", "/api/kpi/own_leds", "/api/measure"])
def test_head_gives_the_headers_of_get(api: Client, path: str) -> None:
    get, head = api.get(path), api.send("HEAD", path)
    assert head.content == b"" and head.status_code == get.status_code
    same = [name for name in get.headers if not (name == "content-length" and ("xlsx" in path or "doctor" in path))]
    assert {n: head.headers[n] for n in same} == {n: get.headers[n] for n in same}


# --- refusals --------------------------------------------------------------------------------------------------------
def test_an_unknown_name_is_answered_with_the_nearest(api: Client) -> None:
    for path in (
        "/api/measure?kpi=own_leds",
        "/api/kpi/own_leds",
        "/api/trace?kpi=own_leds",
        "/api/records?kpi=own_leds",
    ):
        told = refused(api.get(path), 404)
        assert "'own_leds'" in told["what"] and "'own_leads'" in told["do"]
    assert "no variant" in refused(api.get("/api/measure?kpi=own_leads.best"), 404)["what"]
    for id_ in ("0123456789abcdef", "..", "x/y", "a%20b"):
        assert "not kept" in refused(api.get(f"/api/measure?kpi=own_leads&generation={id_}"), 404)["what"]


@pytest.mark.parametrize(
    ("query", "where", "said"),
    [
        ("", "kpi", "'kpi' is missing"),
        ("kpi=own_leads&perod=2025", "perod", "Did you mean 'period'?"),
        ("kpi=own_leads&period=2025&period=2024", "period", "'period' was given 2 times"),
        ("kpi=own_leads&period=soon", "period", "'soon' is not a period"),
        ("kpi=own_leads&grain=decade", "grain", "not 'decade'"),
        ("kpi=own_leads&as_of=tomorrow", "as_of", "'tomorrow' is not a day"),
        ("kpi=own_leads&by=size", "own_leads", "'size'"),
        ("kpi=own_leads&filter=channel%20=", "filter", "filter"),
        ("kpi=own_leads&format=html", "format", "not 'html'"),
        ("kpi=own_leads&limit=0", "limit", "'limit'"),
        ("kpi=own_leads&" + "by=channel&" * 9, "by", "more than 8 times"),
        ("&".join(f"kpi=k{i}" for i in range(31)), "kpi", "more than 30 times"),
        ("kpi=" + "a" * 201, "0", "longer than 200"),
        ("kpi=own_leads&filter=" + "a" * 4001, "filter", "longer than 4,000"),
    ],
)
def test_a_question_that_cannot_be_answered(api: Client, query: str, where: str, said: str) -> None:
    path = "records" if "limit" in query else "measure"
    told = refused(api.get(f"/api/{path}?{query}"), 400)
    assert said in f"{told['what']} {told['do']} {told['where']}"
    assert where in told["where"] or where == "0"


def test_the_limit_of_rows(api: Client) -> None:
    refused(api.get(f"/api/records?kpi=own_leads&limit={asked.MOST_ROWS + 1}"), 400)
    assert len(ok(api.get(f"/api/records?kpi=own_leads&limit={asked.MOST_ROWS}"))) == 8


def test_the_limit_of_numbers(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST_NUMBERS", 3)
    assert len(ok(api.get("/api/measure?kpi=own_leads&period=2025-Q1&grain=month"))) == 3
    told = refused(api.get("/api/measure?kpi=own_leads&period=2025-04..2025-07&grain=month"), 400)
    assert "4 numbers" in told["what"]


def test_wrong_definitions_are_listed(tmp_path: Path) -> None:
    company = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-03"}]})
    for name in ("one", "two"):
        path = company.path / "kpis" / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("titel: wrong\n")
    with Held(company.path, now=NOW, environment={}) as held:
        told = refused(over(held).get("/api/measure?kpi=leads"), 500)
    assert {f["path"] for f in told["faults"]} >= {"kpis/one.yml", "kpis/two.yml"}
    assert set(told["faults"][0]) == {"path", "line", "key", "what", "do"}


def test_a_workspace_without_data(tmp_path: Path) -> None:
    with Held(fresh(tmp_path / "new").path, environment={}) as held:
        client = over(held)
        told = refused(client.get("/api/measure?kpi=leads"), 503)
        assert client.get("/api/measure?kpi=leads").headers["retry-after"] == "5"
        assert "no data here yet" in told["what"]
        assert len(ok(client.get("/api/kpi"))) > 20
        refused(client.get("/api/check"), 503)
        assert ok(client.get("/api/doctor"))


def test_a_question_that_takes_too_long(tmp_path: Path) -> None:
    company = world(tmp_path, {"leads": [{"lead_id": "a", "created_at": "2025-01-03"}]})
    with Held(company.path, now=NOW, environment={}, seconds=0) as held:
        assert "stopped" in refused(over(held).get("/api/measure?kpi=leads"), 503)["what"]


def test_every_kind_of_error_has_a_status() -> None:
    def kinds(of: type[HeadwaterError]) -> Iterator[type[HeadwaterError]]:
        yield of
        for kind in of.__subclasses__():
            yield from kinds(kind)

    for kind in kinds(HeadwaterError):
        error = kind() if kind is StoppedError else kind("x")
        assert json.loads(problem(error).body)["status"] == status_of(error) in (400, 404, 500, 503)
    assert status_of(WorkspaceError("x")) == status_of(SourceError("x")) == 503


def test_a_method_that_writes_is_not_there(api: Client) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        answer = api.send(method, "/api/measure?kpi=own_leads")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_the_shape_of_an_observation_has_its_fields() -> None:
    assert tuple(Observation.model_fields) == OBSERVATION_FIELDS
