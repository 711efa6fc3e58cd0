"""Error pages: what, where and what to do; of a fault of ours no detail."""

import logging

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from headwater.errors import DefinitionError, Fault, HeadwaterError, QueryError, WorkspaceError
from headwater.web.assets import Assets
from headwater.web.faults import mount_faults
from headwater.web.parts import Frame
from headwater.web.templates import Templates, environment
from tests.http.client import Client
from tests.web.gallery import client

RAISED: dict[str, Exception] = {
    "query": QueryError("no KPI is called '<b>roi</b>'", where="kpi", do="Did you mean 'roi'?"),
    "place": WorkspaceError("the workspace is locked", do="Try again."),
    "file": DefinitionError.of([Fault("kpis/a.yml", 3, "unit", "is not a unit")]),
    "ours": RuntimeError("secret: row 12 of leads.csv"),
    "gone": HTTPException(404),
}


@pytest.fixture(scope="module")
def page() -> Client:
    app = FastAPI(openapi_url=None)

    @app.exception_handler(HeadwaterError)
    def for_programs(_: object, error: HeadwaterError) -> JSONResponse:
        return JSONResponse({"what": error.what}, 422)

    @app.get("/api/{name}")
    @app.get("/{name}")
    def fails(name: str) -> None:
        raise RAISED[name]

    mount_faults(app, Templates(environment(Assets())), Frame)
    return client(app)


def test_an_error_says_what_where_and_what_to_do(page: Client) -> None:
    answer = page.get("/query")
    assert answer.status_code == 400
    assert answer.headers["cache-control"] == "no-store"
    assert "<h1>No KPI is called &#39;&lt;b&gt;roi&lt;/b&gt;&#39;</h1>" in answer.text
    assert "<dd>kpi</dd>" in answer.text
    assert "Did you mean &#39;roi&#39;?" in answer.text


def test_every_fault_of_a_file_is_told(page: Client) -> None:
    answer = page.get("/file")
    assert answer.status_code == 500
    assert "kpis/a.yml:3 [unit]: is not a unit" in answer.text


@pytest.mark.parametrize(("path", "status"), [("/place", 503), ("/gone", 404), ("/no/such/page", 404)])
def test_every_page_of_an_error_is_a_whole_page(page: Client, path: str, status: int) -> None:
    answer = page.get(path)
    assert answer.status_code == status
    assert answer.text.count("<h1>") == 1
    assert "<main" in answer.text


def test_a_method_that_is_not_allowed_says_which_are(page: Client) -> None:
    answer = page.post("/query")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_of_our_own_fault_no_detail_leaves_the_server(page: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = page.get("/ours")
    assert answer.status_code == 500
    assert "secret" not in answer.text + caplog.text
    assert "RuntimeError at" in caplog.text
    assert "headwater doctor" in answer.text


def test_a_part_gets_a_part(page: Client) -> None:
    answer = page.get("/query", hx_request="true")
    assert "<html" not in answer.text
    assert "no KPI" in answer.text.replace("No KPI", "no KPI")


def test_programs_keep_their_own_errors(page: Client) -> None:
    assert page.get("/api/query").json() == {"what": "no KPI is called '<b>roi</b>'"}
