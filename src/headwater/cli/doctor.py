"""`headwater doctor`: whether the workspace is sound."""

from __future__ import annotations

import click

from headwater.api import Workspace
from headwater.cli.output import emit, format_options
from headwater.errors import CheckError


@click.command("doctor")
@format_options
@click.pass_context
def command(ctx: click.Context, format_: str | None, output: str | None) -> None:
    """Tell whether the workspace is sound.

    Definition files, every stored byte, leftovers, versions, room on the disk. Nothing is changed. Exit code 1 when
    something is broken.
    """
    from headwater.api.examining import has_faults

    found = Workspace(ctx.obj).doctor()
    emit(found, format_, output)
    ctx.exit(CheckError.exit_code if has_faults(found) else 0)
