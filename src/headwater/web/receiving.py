"""What a page is sent: the fields of a form, and files, whose bytes are written to disk as they arrive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

from anyio import to_thread
from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from headwater.api.uploads import FOLDER, Incoming, TooLargeError
from headwater.errors import HeadwaterError, QueryError

MEDIA = "application/octet-stream"
"""What a form of another site cannot send without asking first."""

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 5_000

BUFFER = 1 << 20
"""So many bytes are written at once, away from the thread that serves everybody."""


Fields = list[tuple[str, str]]


def kept_as_it_is(path: Path) -> None:
    """Nothing more is done with a file."""


async def receive(
    request: Request, folder: Path, most: int, within: str = FOLDER, then: Callable[[Path], None] = kept_as_it_is
) -> JSONResponse:
    """Keeps the body as a file of the workspace and does `then` with it: 201 with its name, or why not in `what` and
    `do`. It lies in the folder `within` the workspace."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA:
        return _told(415, QueryError("the request holds no file", do=f"Send its bytes alone, as {MEDIA}."))
    names = request.query_params.getlist("name")
    length = request.headers.get("content-length", "0")
    try:
        if len(names) != 1:
            raise QueryError("the file has no name", do="Give it one in the address: ?name=deals.csv")
        expected = int(length) if length.isdecimal() else 0
        incoming = await to_thread.run_sync(Incoming, folder, names[0], most, expected, within)
    except HeadwaterError as error:
        return _told(_status(error), error)
    try:
        buffer = bytearray()
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= BUFFER:
                await to_thread.run_sync(incoming.write, bytes(buffer))
                buffer.clear()
        await to_thread.run_sync(incoming.write, bytes(buffer))
        if incoming.bytes < expected:
            raise QueryError("the file did not arrive whole", do="Send it again.")
        kept = await to_thread.run_sync(incoming.keep)
        await to_thread.run_sync(then, kept)
    except HeadwaterError as error:
        return _told(_status(error), error)
    except ClientDisconnect:
        return _told(400, QueryError("the file did not arrive whole", do="Send it again."))
    finally:
        incoming.drop()
    return JSONResponse({"name": kept.name, "bytes": incoming.bytes}, 201)


def _status(error: HeadwaterError) -> int:
    match error:
        case TooLargeError():
            return 413
        case QueryError():
            return 400
        case _:
            return 507


def _told(status: int, error: HeadwaterError) -> JSONResponse:
    what = error.what[:1].upper() + error.what[1:].rstrip(".")
    headers = {"connection": "close", "cache-control": "no-store"}
    return JSONResponse({"what": f"{what}.", "where": error.where, "do": error.do}, status, headers)


async def fields_of(request: Request) -> Fields:
    """The fields of a form. Raises QueryError where the body is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind != FORM and body:
        raise QueryError("the request is no form", do="Send it from the page.")
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise QueryError("the form cannot be read", do="Send it from the page.") from None
