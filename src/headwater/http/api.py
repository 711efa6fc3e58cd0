"""The HTTP interface: one path a read verb, with the verb's name, parameters and answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from headwater.api.answer import Answer
from headwater.api.funnelled import Funnelled
from headwater.api.held import Held
from headwater.api.qualify_answer import Qualification
from headwater.errors import HeadwaterError, QueryError
from headwater.http import asked as ask
from headwater.http import shapes
from headwater.http.answers import Tag, as_file, in_form, respond, tag_of
from headwater.http.problems import MEDIA, problem

EXAMPLES = FilePath(__file__).parent / "examples"
"""What the documented examples answer, each made by running it (`docs/generate_http.py`)."""


METHODS = ("GET", "HEAD")
GUARDED = "Refused before it was read: no token, a foreign page, too large, another method."


def routes(held: Held) -> APIRouter:
    """The paths of the read verbs over one workspace."""
    router = APIRouter(prefix="/api", route_class=_Route)

    def measure(request: Request, asked: Annotated[ask.Measured, Query()]) -> Response:
        """The values of KPIs: over a period, by grain and splits, as of a day, from a data version."""

        def answer() -> bytes:
            found = m.measure(*asked.kpi, **_question(asked))
            _check_size(found)
            return in_form(found, asked.format)

        with held.moment() as m:
            return respond(
                request,
                _tag(request, asked, m.version(*ask.generations(asked)), asked.format),
                asked.format,
                answer,
                as_file(asked.format, "measure", *asked.kpi, asked.period or "", m.stamp.data),
            )

    def records(request: Request, asked: Annotated[ask.Recorded, Query()]) -> Response:
        """The rows counted behind numbers, with the file and row of each; personal values are masked."""
        with held.moment() as m:
            return respond(
                request,
                _tag(request, asked, m.version(*ask.generations(asked)), asked.format),
                asked.format,
                lambda: in_form(m.records(*asked.kpi, **_question(asked), limit=asked.limit), asked.format),
                as_file(asked.format, "records", *asked.kpi, asked.period or "", m.stamp.data),
            )

    def trace(request: Request, asked: Annotated[ask.Question, Query()]) -> Response:
        """How numbers were made: formula with its numbers, rows counted, derivations, statements, freshness."""
        with held.moment() as m:
            tag = _tag(request, asked, m.version(*ask.generations(asked)))
            return respond(request, tag, "json", lambda: _json(m.trace(*asked.kpi, **_question(asked)).to_json()))

    def compare(request: Request, asked: Annotated[ask.Compared, Query()]) -> Response:
        """Two numbers side by side for each segment: of two periods, filters, days or data versions (whichever is given
        twice), or of two KPIs."""
        with held.moment() as m:
            return respond(
                request,
                _tag(request, asked, m.version(*ask.generations(asked)), asked.format),
                asked.format,
                lambda: in_form(m.compare(*asked.kpi, **_question(asked)), asked.format),
                as_file(asked.format, "compare", *asked.kpi, *asked.period, m.stamp.data),
            )

    def funnel(request: Request, asked: Annotated[ask.Funnel, Query()]) -> Response:
        """A funnel: volumes and rates of its stages on both bases, times by survival, skips and returns, and what a
        better rate is worth. `variant` says which number it is, the segments `step` and `from_step` of which stage."""

        def answer() -> bytes:
            given: dict[str, Any] = {"start": asked.start, "end": asked.end, "reference": asked.reference}
            given |= {"cohorts": asked.cohorts, **_question(asked)}
            found = m.funnel(asked.funnel, **given)
            _check_size(found)
            return in_form(found, asked.format)

        with held.moment() as m:
            version = " ".join((m.version(*ask.generations(asked)), m.funnels))
            return respond(
                request,
                _tag(request, asked, version, asked.format),
                asked.format,
                answer,
                as_file(asked.format, "funnel", asked.funnel, asked.period or "", m.stamp.data),
            )

    def components(request: Request, asked: Annotated[ask.Components, Query()]) -> Response:
        """Each channel, program and campaign with its objective, the step it feeds, a growth and an efficiency KPI, a
        verdict of three (it contributes; no sign of it, although there would be; it cannot be told), and its gaps."""

        def answer() -> bytes:
            given = {name: getattr(asked, name) for name in ("level", "funnel", "period", "as_of", "generation")}
            return in_form(m.components(**given), asked.format)

        with held.moment() as m:
            version = " ".join((m.version(*ask.generations(asked)), m.funnels, m.objectives))
            return respond(
                request,
                _tag(request, asked, version, asked.format),
                asked.format,
                answer,
                as_file(asked.format, "components", *asked.level, asked.period or "", m.stamp.data),
            )

    def qualify(request: Request, asked: Annotated[ask.Qualify, Query()]) -> Response:
        """Who meets criteria, how well that tells who buys, and what each rule brings. `variant` says which number it
        is, the segments `judged_by` and `rule` by whose judgement (a version, `in force`, `crm`) and of which rule."""

        def answer() -> bytes:
            found = m.qualify(asked.criteria, version=asked.version, against=asked.against, **_question(asked))
            _check_size(found)
            return in_form(found, asked.format)

        with held.moment() as m:
            version = " ".join((m.version(*ask.generations(asked)), m.criteria))
            return respond(
                request,
                _tag(request, asked, version, asked.format),
                asked.format,
                answer,
                as_file(asked.format, "qualify", asked.criteria, asked.period or "", m.stamp.data),
            )

    def kpi(request: Request, asked: Annotated[ask.Found, Query()]) -> Response:
        """Every KPI, or those in which all the words occur."""
        tag = _tag(request, asked, held.stamp.definitions)
        return respond(request, tag, "json", lambda: _json(held.kpi_list(asked.find).to_json()))

    def kpi_coverage(request: Request, asked: Annotated[ask.Covered, Query()]) -> Response:
        """Which KPIs can be computed, what the others lack and who exports it, and about seven to begin with."""
        body = _json(held.kpi_coverage(asked.find, kgi=asked.kgi).to_json())
        return respond(request, Tag(hashlib.sha256(body).hexdigest()[:32]), "json", lambda: body)

    def kpi_page(
        request: Request,
        id: Annotated[str, Path(max_length=200, description="Id of a KPI.", examples=["cost_per_lead"])],
        asked: Annotated[ask.Nothing, Query()],
    ) -> Response:
        """All that a KPI's file says, with the measures it rests on and the splits it can be asked by."""
        tag = _tag(request, asked, held.stamp.definitions)
        return respond(request, tag, "json", lambda: _json(held.kpi_show(id).to_json()))

    def check(request: Request, asked: Annotated[ask.Nothing, Query()]) -> Response:
        """Whether the data adds up: rows in and out, rows set aside, data tests, freshness."""
        body = _json(held.check().to_json())
        return respond(request, Tag(hashlib.sha256(body).hexdigest()[:32]), "json", lambda: body)

    def doctor(request: Request, asked: Annotated[ask.Nothing, Query()]) -> Response:
        """Whether the place is sound: stored files, leftovers, versions, room on the disk. Reads every stored byte."""
        return respond(request, None, "json", lambda: _json(held.doctor().to_json()))

    _add(router, "/measure", measure, shapes.Observations, "The values of KPIs", files=True, unknown=True)
    _add(router, "/records", records, shapes.RecordedRows, "The rows behind numbers", files=True, unknown=True)
    _add(router, "/trace", trace, shapes.Traces, "How numbers were made", unknown=True)
    _add(router, "/compare", compare, shapes.Comparisons, "Two numbers side by side", files=True, unknown=True)
    _add(router, "/funnel", funnel, shapes.Observations, "A funnel", files=True, unknown=True)
    _add(router, "/components", components, shapes.Components, "What components are for", files=True, unknown=True)
    _add(router, "/qualify", qualify, shapes.Observations, "Who qualifies", files=True, unknown=True)
    _add(router, "/kpi", kpi, shapes.KpiRows, "The list of KPIs")
    _add(router, "/kpi/coverage", kpi_coverage, shapes.Coverage, "What can be computed", unknown=True)
    _add(router, "/kpi/{id}", kpi_page, shapes.KpiPage, "One KPI", unknown=True)
    _add(router, "/check", check, shapes.CheckRows, "Whether the data adds up")
    _add(router, "/doctor", doctor, shapes.Findings, "Whether the place is sound", tagged=False)
    return router


class _Route(APIRoute):
    """A path whose every refusal is a problem, and which answers HEAD with the headers of GET."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        parameters: type[ask.Asked] = get_type_hints(self.endpoint)["asked"]

        async def answer(request: Request) -> Response:
            try:
                ask.check_names(request, parameters)
                response = await handler(request)
            except RequestValidationError as error:
                response = problem(ask.refusal(error))
            except HeadwaterError as error:
                response = problem(error)
            if request.method == "HEAD":
                response.body = b""
            return response

        return answer

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers GET or HEAD; another method is told both, which are two routes of one path."""
        if scope["method"] not in METHODS:
            raise HTTPException(405, headers={"Allow": ", ".join(METHODS)})
        await super().handle(scope, receive, send)


# --- questions -------------------------------------------------------------------------------------------------------
def _question(asked: ask.Question | ask.Compared | ask.Funnel | ask.Qualify) -> dict[str, Any]:
    """The arguments of a verb."""
    return {name: getattr(asked, name) for name in ("period", "grain", "by", "filter", "as_of", "generation")}


def _check_size(answer: Answer | Funnelled | Qualification) -> None:
    if len(answer) > ask.MOST_NUMBERS:
        raise QueryError(
            f"the answer has {len(answer):,} numbers; at most {ask.MOST_NUMBERS:,} are given at once",
            do="Ask for a shorter period, a coarser grain or fewer splits.",
        )


def _tag(request: Request, asked: BaseModel, version: str, form: str = "json") -> Tag:
    return tag_of(request.url.path, asked.model_dump_json(), version, form)


def _json(text: str) -> bytes:
    return text.encode("utf-8", "replace")


# --- the specification -----------------------------------------------------------------------------------------------
def _add(
    router: APIRouter,
    path: str,
    endpoint: Callable[..., Response],
    shape: type[BaseModel],
    summary: str,
    *,
    files: bool = False,
    unknown: bool = False,
    tagged: bool = True,
) -> None:
    """Adds GET and HEAD of a path, with every answer that they give."""
    name = endpoint.__name__
    content: dict[str, Any] = {"application/json": {"example": example(name)}}
    if files:
        content["text/csv"] = {"schema": {"type": "string"}}
        for media in ("vnd.openxmlformats-officedocument.spreadsheetml.sheet", "vnd.apache.parquet"):
            content[f"application/{media}"] = {"schema": {"type": "string", "format": "binary"}}
    refused: dict[int | str, dict[str, Any]] = {
        400: problem_of("The question cannot be answered; the problem says how to change it.", "bad_question"),
        500: problem_of("Definition files are wrong; the problem lists every fault."),
        503: problem_of("There is no data, the place cannot be used, or the time was up; try again later."),
        "4XX": problem_of(GUARDED),
    }
    if unknown:
        refused[404] = problem_of("A name is not known; the problem offers the nearest.", "unknown_name")
    same: dict[int | str, dict[str, Any]] = (
        {304: {"description": "Nothing has changed since the answer whose ETag `If-None-Match` names."}}
        if tagged
        else {}
    )
    headers = {"headers": {"ETag": {"description": "Changes with the answer.", "schema": {"type": "string"}}}}
    answered = headers if tagged else {}
    given: dict[str, Any] = {"tags": ["numbers" if files or name == "trace" else "state"], "response_model": None}
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        operation_id=name,
        summary=summary,
        response_description="The answer.",
        responses={200: {"model": shape, "content": content, **answered}, **same, **refused},
        **given,
    )
    router.add_api_route(
        path,
        endpoint,
        methods=["HEAD"],
        operation_id=f"{name}_head",
        summary=f"{summary}: the headers alone",
        response_description="The headers of the answer.",
        response_class=Response,
        responses={200: answered, **same, **{code: _bare(told) for code, told in refused.items()}},
        **given,
    )


def example(name: str) -> Any:
    """The documented answer of an operation."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def problem_of(description: str, shown: str = "") -> dict[str, Any]:
    """How a refusal is documented; `shown` names its example."""
    content = {"schema": _PROBLEM, **({"example": example(shown)} if shown else {})}
    return {"description": description, "content": {MEDIA: content}}


def _bare(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": told["description"]}


def _schema_of_problems() -> dict[str, Any]:
    """The schema of a problem in one piece, since it is not among the answers that the specification names."""
    schema = shapes.Problem.model_json_schema()
    schema["properties"]["faults"]["items"] = schema.pop("$defs")["Fault"]
    return schema


_PROBLEM = _schema_of_problems()
