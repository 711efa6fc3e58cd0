"""`headwater rollback`: an earlier state of the tables."""

from __future__ import annotations

import click

from headwater.api import Workspace


@click.command("rollback")
@click.argument("generation", required=False, default="", metavar="[ID]")
@click.pass_obj
def command(folder: str, generation: str) -> None:
    """Make an earlier data version current again.

    Without an ID it is the one before the current one. What was loaded stays in the journal; the next refresh brings
    it back into the tables.
    """
    done = Workspace(folder).rollback(generation)
    click.echo(f"data version {done.id}, built {done.built_at:%Y-%m-%d %H:%M} UTC, is current now")
