"""`headwater check`: whether the data adds up."""

from __future__ import annotations

import click

from headwater.api import Workspace
from headwater.cli.output import emit, format_options
from headwater.errors import CheckError


@click.command("check")
@format_options
@click.pass_context
def command(ctx: click.Context, format_: str | None, output: str | None) -> None:
    """Tell whether the data adds up.

    Rows in and out of every file, rows set aside and why, tests of the tables, freshness, keys that two sources
    deliver, files of boards and what a second look at your own boards finds. Exit code 1 when a check failed.
    """
    checked = Workspace(ctx.obj).check()
    emit(checked, format_, output)
    ctx.exit(CheckError.exit_code if checked.failed else 0)
