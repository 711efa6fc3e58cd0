"""The specification is complete and true: schemathesis finds no fault in it, its examples are what is answered, and
docs/http.md says the same."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import jsonschema_rs
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CheckFunction
from schemathesis.generation.case import Case
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from headwater.api.held import Held
from headwater.http import api, asked, shapes
from headwater.http.problems import MEDIA
from headwater.http.server import application
from tests.http.client import PORT, TOKEN, Client
from tests.surface import small_company
from tests.world import NOW

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "http.md"
VERBS = ("check", "compare", "components", "doctor", "funnel", "kpi", "measure", "qualify", "records", "trace")


def _generator() -> Any:
    """docs/generate_http.py, which is no package."""
    spec = importlib.util.spec_from_file_location("generate_http", ROOT / "docs" / "generate_http.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    company = small_company(tmp_path_factory.mktemp("company"))
    with Held(company.path, now=NOW, environment={}) as held:
        app = FastAPI(openapi_url="/api/openapi.json")
        app.include_router(api.routes(held))
        yield app


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


# --- schemathesis ----------------------------------------------------------------------------------------------------
def seeded(examples: int) -> Callable[[Any], Any]:
    """The same cases every time."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def operations(app: FastAPI) -> list[Any]:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    schema.config.generation.update(modes=list(GenerationMode))
    return [found.ok() for found in schema.get_all_operations()]


MEANINGLESS: list[CheckFunction] = [positive_data_acceptance]
"""A text of the right length is seldom a KPI or a period: what is well formed may be refused, with a problem."""


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_sent_is_answered_as_the_specification_says(app: FastAPI, mode: GenerationMode) -> None:
    statuses: set[int] = set()
    for operation in operations(app):
        has_parameters = bool(operation.query) or bool(operation.path_parameters)
        if mode is GenerationMode.NEGATIVE and not has_parameters:
            continue

        @seeded(15 if operation.method == "get" and has_parameters else 3)
        @given(case=operation.as_strategy(mode))
        def send(case: Case) -> None:
            answer = case.call_and_validate(excluded_checks=MEANINGLESS)
            assert answer.status_code < 500
            statuses.add(answer.status_code)

        send()
    assert statuses >= {400} if mode is GenerationMode.NEGATIVE else {200, 400, 404}


KPIS = ["own_leads", "own_reach", "own_mql_rate", "own_cost_per_lead", "lead_growth_rate", "cost_per_lead.media"]
PERIODS = ["2025", "2025-01", "2025-Q1", "FY2025", "last 3 months", "2024-12-30..2025-04-01", "0001", "1000", "8999"]
FILTERS = ["", "channel = 'email'", "channel is empty", "channel in ('ads', '=cmd')", "not channel = ''"]
QUESTIONS: dict[str, Any] = {
    "kpi": st.lists(
        st.sampled_from(KPIS),
        min_size=1, max_size=3,
    ),
    "period": st.sampled_from(PERIODS),
    "grain": st.sampled_from(["all", "day", "week", "month", "quarter", "year", "fiscal_year"]),
    "by": st.lists(st.sampled_from(["channel", "region", "owner", "kind"]), max_size=2),
    "filter": st.sampled_from(FILTERS),
    "as_of": st.sampled_from(["2025-01-31", "2025-06-30", "1999-12-31", "0001-01-01", "8999-12-31", "9999-12-31"]),
    "limit": st.integers(1, 20),
    "format": st.sampled_from(["json", "csv", "parquet", "xlsx"]),
}  # fmt: skip
"""Questions that have an answer more often than not."""


def meaningful(case: Case, values: dict[str, Any]) -> Case:
    twice = "/compare" in case.path
    known = {name: value for name, value in values.items() if name in (case.query or {}) or name == "kpi"}
    case.query = {n: [v] if twice and n in ("period", "filter", "as_of") else v for n, v in known.items()}
    return case


def test_questions_with_a_meaning_are_answered_as_the_specification_says(app: FastAPI) -> None:
    answered = 0
    for operation in operations(app):
        if operation.method != "get" or operation.path not in (
            "/api/measure",
            "/api/records",
            "/api/trace",
            "/api/compare",
        ):
            continue

        @seeded(40)
        @given(case=operation.as_strategy(GenerationMode.POSITIVE), values=st.fixed_dictionaries(QUESTIONS))
        def send(case: Case, values: dict[str, Any]) -> None:
            nonlocal answered
            answer = meaningful(case, values).call_and_validate(excluded_checks=MEANINGLESS)
            assert answer.status_code in (200, 400)
            answered += answer.status_code == 200

        send()
    assert answered > 60


def test_what_is_served_is_what_is_documented(tmp_path: Path) -> None:
    """The same through every guard, with the token and without."""
    with Held(small_company(tmp_path).path, now=NOW, environment={}) as held:
        app = application(held, port=PORT, token=TOKEN)
        more = ("/api/kpi/coverage", "/api/kpi/{id}", "/api/refresh")
        assert set(app.openapi()["paths"]) == {*(f"/api/{verb}" for verb in VERBS), *more}
        served = schemathesis.openapi.from_dict(app.openapi())

        async def from_here(scope: Any, receive: Any, send: Any) -> None:
            await app(scope | {"client": ("127.0.0.1", 50_000)}, receive, send)

        served.app = from_here
        served.location = "/api/openapi.json"
        statuses: set[int] = set()
        for found in served.get_all_operations():
            operation = found.ok()
            if (operation.method, operation.path) not in (("get", "/api/refresh"), ("get", "/api/kpi")):
                continue

            @seeded(8)
            @given(case=operation.as_strategy(GenerationMode.POSITIVE), entered=st.booleans())
            def send(case: Case, entered: bool) -> None:
                token = {"authorization": f"Bearer {TOKEN}"} if entered else {}
                answer = case.call_and_validate(
                    headers={"host": f"127.0.0.1:{PORT}", **token}, excluded_checks=MEANINGLESS
                )
                statuses.add(answer.status_code)

            send()
        assert statuses == {200, 401}


# --- complete --------------------------------------------------------------------------------------------------------
def test_every_verb_has_its_path_and_nothing_else_is_there(document: dict[str, Any]) -> None:
    assert sorted(document["paths"]) == sorted(
        [*(f"/api/{verb}" for verb in VERBS), "/api/kpi/{id}", "/api/kpi/coverage"]
    )
    for operations_ in document["paths"].values():
        assert set(operations_) == {"get", "head"}


def test_parameters_are_the_options_of_the_command_line(document: dict[str, Any]) -> None:
    import click

    from headwater.cli import main

    context = click.Context(main)
    for verb in ("measure", "records", "trace", "compare"):
        command = main.get_command(context, verb)
        assert command is not None
        options = {o.name for o in command.params if isinstance(o, click.Option)} - {"output", "unmask"}
        wanted = {"format" if name == "format_" else name for name in options} | {"kpi"}
        wanted -= {"format", "no_statements"} if verb == "trace" else set()
        assert {p["name"] for p in document["paths"][f"/api/{verb}"]["get"]["parameters"]} == wanted, verb


def test_every_parameter_and_answer_is_described(document: dict[str, Any]) -> None:
    for path, operations_ in document["paths"].items():
        for operation in operations_.values():
            assert operation["description"] and operation["summary"] and operation["operationId"]
            assert all(p["description"] for p in operation.get("parameters", ())), path
            assert all(r["description"] for r in operation["responses"].values()), path
            assert {"200", "400", "4XX", "500", "503"} <= set(operation["responses"])
            assert "422" not in operation["responses"]


# --- true ------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("acme").resolve() / "acme"
    return {name: GENERATOR.stable(value, folder) for name, value in GENERATOR.answers(folder).items()}


def without_versions(value: Any) -> Any:
    """Hashes of definitions and data as dots, statements left out: they change with any definition they rest on."""
    if isinstance(value, dict):
        return {k: without_versions(v) for k, v in value.items() if k != "statements"}
    if isinstance(value, list):
        return [without_versions(v) for v in value]
    return (
        re.sub(r"^([0-9a-f]{64}|[0-9a-f]{16})$|(?<=headwater )[0-9.]+", "...", value)
        if isinstance(value, str)
        else value
    )


@pytest.mark.parametrize("name", sorted(GENERATOR.ASKED))
def test_every_example_is_what_is_answered(answers: dict[str, Any], name: str) -> None:
    assert without_versions(api.example(name)) == without_versions(answers[name]), "run python docs/generate_http.py"


def test_every_answer_has_the_shape_that_is_documented(document: dict[str, Any], answers: dict[str, Any]) -> None:
    for operations_ in document["paths"].values():
        get = operations_["get"]
        schema = get["responses"]["200"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        jsonschema_rs.Draft202012Validator(whole).validate(answers[get["operationId"]])
        for code in ("400", "404"):
            if code in get["responses"]:
                told = get["responses"][code]["content"][MEDIA]
                jsonschema_rs.Draft202012Validator(told["schema"]).validate(told["example"])


def test_the_limits_are_those_of_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for limit in (asked.MOST_KPIS, asked.MOST_SPLITS, asked.MOST_ROWS, asked.MOST_NUMBERS):
        assert re.search(rf"\b{limit:,}\b", page), limit


# --- the page --------------------------------------------------------------------------------------------------------
def test_the_page_lists_every_path_and_parameter() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert GENERATOR.page(text) == text, "run python docs/generate_http.py"


def test_the_example_of_the_page_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import httpx

    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    (said,) = re.findall(r"this prints `(.*?)`", text)
    with Held(GENERATOR.acme(tmp_path / "acme").path, now=GENERATOR.NOW, environment={}) as held:
        app = FastAPI()
        app.include_router(api.routes(held))
        client = Client(app, {})

        def handle(request: httpx.Request) -> httpx.Response:
            assert request.headers["authorization"] == "Bearer secret"
            return client.get(request.url.raw_path.decode())

        real = httpx.Client
        monkeypatch.setattr(httpx, "Client", lambda **given: real(transport=httpx.MockTransport(handle), **given))
        exec(compile(code, str(PAGE), "exec"), {"token": "secret"})
    assert capsys.readouterr().out.strip() == said


def test_the_page_names_every_status(document: dict[str, Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    statuses = {s for ops in document["paths"].values() for op in ops.values() for s in op["responses"]}
    assert statuses == set(re.findall(r"^\| (\w{3}) \|", text, flags=re.MULTILINE))


def test_the_problem_of_the_guards_has_the_documented_shape() -> None:
    from headwater.http.guards.refusal import Refusal, problem

    shapes.Problem.model_validate(json.loads(problem(Refusal(403, "what", "do"))))
