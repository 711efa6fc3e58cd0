"""`headwater engine`: engines other than the one inside."""

from __future__ import annotations

import click

from headwater.cli.output import emit, format_options


@click.group("engine")
def command() -> None:
    """Tell whether another engine gives the same answers."""


@command.command("verify")
@click.argument("url", metavar="URL")
@format_options
@click.pass_context
def verify(ctx: click.Context, url: str, format_: str | None, output: str | None) -> None:
    """Ask an engine every question of the contract.

    URL is duckdb, postgresql://user@host/database, spark:local[2], spark://host:7077 or chdb. Nothing is written to it.
    Exit code 1 when an answer is not the one that every engine must give.
    """
    from headwater.api.engines import verify as ask
    from headwater.errors import CheckError

    found = ask(url)
    emit(found, format_, output)
    ctx.exit(CheckError.exit_code if found.failed else 0)
