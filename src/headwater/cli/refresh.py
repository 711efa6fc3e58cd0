"""`headwater refresh`: files into the journal, the journal into tables."""

from __future__ import annotations

import json

import click

from headwater.api import Workspace
from headwater.cli.progress import progress
from headwater.errors import SourceError


@click.command("refresh")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--full", is_flag=True, help="Build every table anew, not only what has changed.")
@click.option(
    "-f", "--format", "format_", type=click.Choice(["table", "json"]), default="table", help="Form of the report."
)
@click.pass_context
def command(ctx: click.Context, sources: tuple[str, ...], full: bool, format_: str) -> None:
    """Load what is new in the sources, then build and publish the tables.

    Name sources to load those alone. A file that is refused is named with the reason; the others are loaded and the
    exit code is 3. Readers see the old tables until the new ones are complete and have passed their tests.
    """
    from headwater.api.reports import refreshed_object, refreshed_text

    with progress() as tell:
        done = Workspace(ctx.obj).refresh(*sources, full=full, progress=tell)
    if format_ == "json":
        click.echo(json.dumps(refreshed_object(done), ensure_ascii=False, indent=1))
    else:
        click.echo(refreshed_text(done))
    ctx.exit(SourceError.exit_code if done.load.refused else 0)
