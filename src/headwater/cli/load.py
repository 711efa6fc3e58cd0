"""`headwater load`: files into the journal."""

from __future__ import annotations

import click

from headwater.api import Workspace
from headwater.cli.output import report_format
from headwater.cli.progress import progress
from headwater.errors import SourceError


@click.command("load")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--accept", is_flag=True, help="How these sources differ from before is meant: load what was held back.")
@click.option(
    "--rejected", default="", metavar="FILE", help="Write the rows of SOURCE that are set aside into a new CSV."
)
@click.option("--corrected", default="", metavar="FILE", help="Land the mended rows of such a file.")
@report_format
@click.pass_context
def command(
    ctx: click.Context, sources: tuple[str, ...], accept: bool, rejected: str, corrected: str, format_: str
) -> None:
    """Land what is new in the sources, without changing the tables.

    Name sources to load those alone. The next refresh brings what was landed into the tables. A file that is refused
    or held back is named with the reason; the others are loaded and the exit code is 3.
    """
    with progress() as tell:
        loaded = Workspace(ctx.obj).load(*sources, accept=accept, rejected=rejected, corrected=corrected, progress=tell)
    click.echo(loaded.to_json() if format_ == "json" else loaded.to_text())
    ctx.exit(SourceError.exit_code if loaded.refused or loaded.held else 0)
