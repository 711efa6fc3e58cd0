"""Takes a file in: the bytes of one request, written to disk as they arrive."""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread
from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from headwater.api.uploads import Incoming, TooLargeError
from headwater.errors import HeadwaterError, QueryError

MEDIA = "application/octet-stream"
"""What a form of another site cannot send without asking first."""

BUFFER = 1 << 20
"""So many bytes are written at once, away from the thread that serves everybody."""


async def receive(request: Request, folder: Path, most: int) -> JSONResponse:
    """Keeps the body as a file of the workspace: 201 with its name, or why not in `what` and `do`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA:
        return _told(415, QueryError("the request holds no file", do=f"Send its bytes alone, as {MEDIA}."))
    names = request.query_params.getlist("name")
    length = request.headers.get("content-length", "0")
    try:
        if len(names) != 1:
            raise QueryError("the file has no name", do="Give it one in the address: ?name=deals.csv")
        expected = int(length) if length.isdecimal() else 0
        incoming = await to_thread.run_sync(Incoming, folder, names[0], most, expected)
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
    what = error.what[:1].upper() + error.what[1:]
    headers = {"connection": "close", "cache-control": "no-store"}
    return JSONResponse({"what": f"{what}.", "where": error.where, "do": error.do}, status, headers)
