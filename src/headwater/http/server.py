"""The server behind `headwater serve`: the API and the pages behind their guards, on this computer alone."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from uvicorn.config import Config

from headwater.api.held import Held
from headwater.errors import HeadwaterError, QueryError, place_of
from headwater.http.api import GUARDED, problem_of, routes
from headwater.http.guards.entry import Entry
from headwater.http.guards.faults import Faults, logger
from headwater.http.guards.headers import Headers
from headwater.http.guards.limits import MOST_HEADERS, MOST_URL, Limits
from headwater.http.guards.origins import Origins
from headwater.http.guards.refusal import PROBLEM, Refusal, problem
from headwater.http.watching import Refreshing, Watching
from headwater.version import VERSION

ADDRESS = "127.0.0.1"
PORT = 8642
"""Where the server is found unless told; a free port is taken where this one is not."""

FINISH_SECONDS = 15
"""How long requests that run may take to finish when the server stops."""

MOST_CONNECTIONS = 1024

IDLE_SECONDS = 75
"""How long a browser may keep a connection that it does not use: longer than a reader looks at a page."""

UNKNOWN = {
    404: ("There is no such address.", "The addresses are in /api/openapi.json."),
    405: ("This address does not know that method.", "The methods are in /api/openapi.json."),
}

Page = Callable[[FastAPI, Held], None]
"""What adds pages to the application."""


def application(held: Held, *, port: int, token: str, pages: Sequence[Page] = (), development: bool = False) -> FastAPI:
    """The ASGI application for one workspace at one port of this computer, opened by a token.

    `app.state` holds `held`, `refreshing` (whose `.state` is a Refreshing) and `development`; what pages put into its
    `usual` is asked when a data version is new, before a reader does. The files of the sources
    are watched while the application runs (its lifespan).
    """

    def notice() -> None:
        """A generation that is no longer current is let go, also where nobody asks: an erasure waits for that. Of a new
        one the longest work is begun before somebody asks. What cannot be read says so to those who ask."""
        with suppress(HeadwaterError):
            if held.notice():
                checks = held.prepare()
                checks.add_done_callback(lambda _: keep_what_stands())
                every: tuple[Future[Any], ...] = (checks, held.hold(), *held.ahead(getattr(app.state, "usual", ())))
                for begun in every:
                    begun.add_done_callback(_log_fault)

    refreshing = Watching(held.path, then=notice, meanwhile=notice)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        refreshing.watch()
        yield
        refreshing.stop()
        held.close()

    app = FastAPI(
        title="Headwater",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.held, app.state.refreshing, app.state.development = held, refreshing, development
    app.include_router(routes(held))
    _add_refresh(app, refreshing)
    app.add_exception_handler(HTTPException, _unknown)
    for mount in pages:
        mount(app, held)
    app.add_middleware(Entry, port=port, token=token)
    app.add_middleware(Origins, port=port)
    app.add_middleware(Limits)
    app.add_middleware(Faults)
    app.add_middleware(Headers)  # the outermost: whatever is answered passes here last
    return app


MADE_FOR_A_PAGE = 25_000
"""So many values may come before garbage is looked for: about as many as the answers behind one page are."""


def keep_what_stands() -> None:
    """Lets collections of garbage pass over all that stands now, which stays for long: modules, definitions, templates.
    To look through it takes a tenth of a second, and was done at every second page."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _log_fault(begun: Future[Any]) -> None:
    """Names a fault nobody foresaw in what was begun before somebody asked. Every other one is told to who asks."""
    error = None if begun.cancelled() else begun.exception()
    if error is not None and not isinstance(error, HeadwaterError):
        logger.error("before a reader asked: %s", place_of(error))


def _add_refresh(app: FastAPI, refreshing: Watching) -> None:
    """The paths of the refresh: how far it is, and start one."""

    def state() -> Refreshing:
        """How far the refresh is, or what came of the last one. `failed` says what went wrong, where and what to do; it
        stays until a refresh succeeds."""
        return refreshing.state

    def start() -> Refreshing:
        """Starts a refresh: loads what is new in the sources, then builds and publishes the tables. One that runs is
        followed by another. Readers go on reading."""
        return refreshing.start()

    running = Refreshing(running=True, step="Loading leads.csv", done=3, of=12)
    now: dict[str, Any] = {"content": {"application/json": {"example": asdict(running)}}}
    refused: dict[int | str, dict[str, Any]] = {"4XX": problem_of(GUARDED)}
    app.add_api_route(
        "/api/refresh",
        state,
        methods=["GET"],
        operation_id="refresh_state",
        summary="How far the refresh is",
        responses={200: now, **refused},
    )
    app.add_api_route(
        "/api/refresh",
        start,
        methods=["POST"],
        operation_id="refresh",
        summary="Start a refresh",
        status_code=202,
        responses={202: now, **refused},
    )


async def _unknown(request: Request, error: Any) -> Response:
    """A path or a method that is not there, told as a problem."""
    what, do = UNKNOWN.get(error.status_code, (str(error.detail), ""))
    told = Refusal(error.status_code, what, do)
    return Response(problem(told), told.status, {**(error.headers or {}), "cache-control": "no-store"}, PROBLEM)


# --- running ---------------------------------------------------------------------------------------------------------
def bind(port: int | None = None) -> socket.socket:
    """A socket on the port (default: PORT, or a free one where that is taken; 0: a free one).

    Raises QueryError when a port that was named is taken or not allowed.
    """
    try:
        return _bound(PORT if port is None else port)
    except OSError as error:
        if port is None:
            return _bound(0)
        why = (error.strerror or type(error).__name__).lower()
        raise QueryError(
            f"port {port} cannot be used ({why})", do="Name another with --port, or none for one that is free."
        ) from None


def _bound(port: int) -> socket.socket:
    # With the protocol named, asyncio sends small answers at once; otherwise each waits 40 ms for an acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((ADDRESS, port))
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound


def run(app: FastAPI, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM; requests that run are finished. `ready` is called when it answers."""
    config = Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        ws="none",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=2 * (MOST_URL + MOST_HEADERS),
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    gc.set_threshold(MADE_FOR_A_PAGE, 20, 20)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    try:
        _Server(config, ready).run([bound])
    finally:
        gc.unfreeze()  # what ends with the program has to be seen by its last collection


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether what is logged is more than that a request was cut short because the server ended."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


class _Server(uvicorn.Server):
    """A server that ends well when it is told to end, and says when it answers."""

    def __init__(self, config: Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does it, but that the signal is not raised once more after a clean end: the exit code is 0."""
        before = {sig: signal.signal(sig, self.handle_exit) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)
