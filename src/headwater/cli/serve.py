"""`headwater serve`: the page and the HTTP interface for this computer."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path

import click


@click.command("serve")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The port (default: 8642, or a free one where that is taken)."
)
@click.option(
    "--open/--no-open",
    "opened",
    default=None,
    help="Open the page in a browser (default: on a terminal with a display).",
)
@click.option("--development", is_flag=True, help="Show the gallery of components at /design, and every request.")
@click.pass_context
def command(ctx: click.Context, port: int | None, opened: bool | None, development: bool) -> None:
    """Serve the page and the HTTP interface to this computer.

    The link that is printed opens the page; it holds a token that is new at every start. The files that the sources
    name are watched: when they change and have settled, they are loaded and the tables are built, while readers go on
    reading. Ctrl-C ends it.
    """
    serve(ctx.obj, port=port, opened=opened, development=development)


def serve(path: str | Path, *, port: int | None = None, opened: bool | None = None, development: bool = False) -> None:
    """Serves a workspace until SIGINT or SIGTERM, and prints the link that opens it.

    `port`: default 8642, or a free one where that is taken. `opened`: whether a browser opens the link (default: on a
    terminal with a display). Raises WorkspaceError when the folder is no workspace, QueryError when the port is taken.
    """
    from headwater.api.held import Held
    from headwater.http import server
    from headwater.web.app import mount

    held = Held(path)
    bound = server.bind(port)
    at = bound.getsockname()[1]
    token = secrets.token_urlsafe(32)
    app = server.application(held, port=at, token=token, pages=[mount], development=development)
    _log(development)
    link = f"http://{server.ADDRESS}:{at}/?token={token}"

    def ready() -> None:
        if port is None and at != server.PORT:
            click.echo(f"Port {server.PORT} is taken; this is port {at}.")
        click.echo(f"Headwater serves {held.path} at\n\n    {link}\n")
        click.echo("Only this computer, with this link, can open it. Ctrl-C ends it.")
        sys.stdout.flush()
        if _has_display() if opened is None else opened:
            webbrowser.open(page.as_uri())

    with held, bound, _leading_to(link, held.path / ".headwater" / f"open-{at}.html") as page:
        server.run(app, bound, ready)
    click.echo("Headwater has ended; what was stored is whole.")


def _log(development: bool) -> None:
    """Faults and refused requests on the standard error; with `development` every request."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("headwater.http")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO if development else logging.WARNING)


def _has_display() -> bool:
    """Whether a person sits at a terminal of a machine that shows windows."""
    if not sys.stdout.isatty() or os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@contextmanager
def _leading_to(link: str, page: Path) -> Iterator[Path]:
    """A file, for this user's eyes alone, that leads to a link: an argument of a browser can be read by every user of
    the computer, so the token must not stand in one."""
    with suppress(OSError):
        page.parent.mkdir(exist_ok=True)
        page.unlink(missing_ok=True)
        with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(
                f'<!doctype html><meta charset="utf-8"><title>Headwater</title>'
                f'<meta http-equiv="refresh" content="0; url={escape(link)}">'
            )
    try:
        yield page
    finally:
        with suppress(OSError):
            page.unlink(missing_ok=True)
