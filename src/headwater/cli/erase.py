"""`headwater erase`: a subject taken out of everything."""

from __future__ import annotations

import sys

import click

from headwater.api import Workspace
from headwater.cli.progress import progress
from headwater.errors import CheckError, QueryError


@click.command("erase")
@click.argument("subject", nargs=-1, required=True, metavar="SUBJECT...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def command(ctx: click.Context, subject: tuple[str, ...], yes: bool) -> None:
    """Remove a person or company from everything kept here.

    Name the subject by its e-mail addresses or ids. It goes from loads, rows set aside, data versions and caches, and
    later loads leave it out. Source files that still hold it are named; they are not changed.
    """
    workspace = Workspace(ctx.obj)
    if not yes:
        if not sys.stdin.isatty():
            raise QueryError("an erasure has to be confirmed", do="Add --yes to go ahead without being asked.")
        told = ", ".join(repr(s) for s in subject)
        click.confirm(f"Erase {told} from {workspace.path} for good?", abort=True, err=True)
    with progress() as tell:
        erased = workspace.erase(*subject, progress=tell)
    click.echo(erased.to_text())
    ctx.exit(CheckError.exit_code if erased.elsewhere else 0)
