"""Adding data: files are handed over, looked at, asked about, tried, and loaded as sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from headwater.api.held import Held
from headwater.api.uploads import FOLDER
from headwater.errors import QueryError
from headwater.web.pages.add.desk import Desk, Seen, faults_in, ready
from headwater.web.pages.add.view import answers_in, handed, outlook, read_already, unreadable
from headwater.web.parts import Dropzone, Link, Notice
from headwater.web.receiving import fields_of, receive
from headwater.web.templates import Templates
from headwater.web.view.asked import Asked
from headwater.web.view.look import Look
from headwater.web.view.wording import sentence

PAGE = "pages/add/page.html"
PLACE = "/data/add"
UPLOAD = "/data/upload"
STREAMED = (UPLOAD,)


def routes(held: Held, templates: Templates) -> APIRouter:
    """`/data/add` with what its forms send, and `/data/upload`."""
    router = APIRouter()
    desk = Desk(held)

    def page(
        request: Request,
        notices: Sequence[Notice] = (),
        given: Mapping[str, Sequence[str]] | None = None,
        faults: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        seen = desk.seen()
        with held.moment() as moment:
            look = Look(moment, Asked(), PLACE)
            context = _context(look, seen, given or {}, faults or {})
            say = look.say
            frame = look.frame(
                say("add.title"),
                "data",
                lead=say("add.lead"),
                back=Link(say("add.back"), "/data"),
                notices=tuple(notices),
            )
            answer = templates.page(request, PAGE, frame, context, status=status)
        answer.headers["Cache-Control"] = "no-store"  # it shows cells of files
        return answer

    @router.api_route(PLACE, methods=["GET", "HEAD"])
    def add(request: Request) -> Response:
        return page(request)

    @router.post(UPLOAD)
    async def upload(request: Request) -> JSONResponse:
        most = await to_thread.run_sync(lambda: held.folder.company().settings.upload_mb)
        return await receive(request, held.path, most << 20)

    @router.post(f"{PLACE}/answers")
    async def answers(request: Request) -> Response:
        fields = await fields_of(request)

        def take() -> Response:
            given = answers_in(fields, desk.seen())
            try:
                desk.answer(given, [value for name, value in fields if name == "forget"])
            except QueryError as error:
                faults = faults_in(error)
                told = () if faults.keys() <= given.keys() else (Notice("bad", _told(error)),)
                return page(request, told, given, faults, 400)
            return RedirectResponse(PLACE, 303)

        return await to_thread.run_sync(take)

    @router.post(f"{PLACE}/remove")
    async def remove(request: Request) -> Response:
        names = [value for name, value in await fields_of(request) if name == "file"]
        for name in names:
            await to_thread.run_sync(desk.remove, name)
        return RedirectResponse(PLACE, 303)

    @router.post(f"{PLACE}/deliver")
    async def deliver(request: Request) -> Response:
        names = [value for name, value in await fields_of(request) if name == "file"]
        await to_thread.run_sync(desk.deliver, names[0] if names else "")
        _refresh(request)
        return RedirectResponse("/data", 303)

    @router.post(f"{PLACE}/load")
    async def load(request: Request) -> Response:
        await fields_of(request)

        def write() -> Response:
            try:
                desk.write()
            except QueryError as error:
                return page(request, (Notice("bad", _told(error)),), status=400)
            _refresh(request)
            return RedirectResponse("/data", 303)

        return await to_thread.run_sync(write)

    return router


def _context(look: Look, seen: Seen, given: Mapping[str, Sequence[str]], faults: Mapping[str, str]) -> dict[str, Any]:
    say, words = look.say, look.words
    done = [] if seen.inspected is None else ready(seen.inspected)
    load = None
    if done:
        n = words.count(len(done))
        label = say("add.load_one") if len(done) == 1 else say("add.load", n=n)
        text, missing = outlook(look, seen)
        told = say("add.load_text", names=", ".join(p.source for p in done))
        load = {"label": label, "text": told, "outlook": text, "missing": missing}
    waits = seen.inspected is not None and any(p.state != "kept" for p in seen.inspected.proposals)
    folder = str(look.moment.folder.path / FOLDER)
    return {
        "dropzone": Dropzone(
            UPLOAD,
            PLACE,
            say("add.drop_title"),
            "" if waits else say("add.drop_text", mb=words.count(look.moment.settings.upload_mb)),
            say("add.by_hand", folder=folder),
            look.moment.settings.upload_mb << 20,
            say("add.file_too_large", mb=words.count(look.moment.settings.upload_mb)),
        ),
        "handed": handed(look, seen, given, faults),
        "unread": unreadable(look, seen),
        "read": read_already(seen),
        "load": load,
    }


def _refresh(request: Request) -> None:
    refreshing = getattr(request.app.state, "refreshing", None)
    if refreshing is not None:
        refreshing.start()


def _told(error: QueryError) -> str:
    return sentence(error.what, error.do)
