"""`headwater refresh`: files into the journal, the journal into tables."""

from __future__ import annotations

import click

from headwater.api import Workspace
from headwater.cli.output import report_format
from headwater.cli.progress import progress
from headwater.errors import SourceError


@click.command("refresh")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--full", is_flag=True, help="Build every table anew, not only what has changed.")
@report_format
@click.pass_context
def command(ctx: click.Context, sources: tuple[str, ...], full: bool, format_: str) -> None:
    """Load what is new in the sources, then build and publish the tables.

    Name sources to load those alone. A file that is refused or held back is named with the reason; the others are
    loaded and the exit code is 3. Readers see the old tables until the new ones are complete and have passed their
    tests.
    """
    with progress() as tell:
        done = Workspace(ctx.obj).refresh(*sources, full=full, progress=tell)
    click.echo(done.to_json() if format_ == "json" else done.to_text())
    ctx.exit(SourceError.exit_code if done.load.refused or done.load.held else 0)
