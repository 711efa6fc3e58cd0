"""`headwater inspect`: what files are, and the sources proposed for them."""

from __future__ import annotations

import click

from headwater.api import Workspace
from headwater.cli.output import report_format
from headwater.cli.progress import progress


@click.command("inspect")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--answer", "given", multiple=True, metavar="ID=VALUE", help="Answer a question; an ID may have *.")
@click.option("--answers", "file", metavar="FILE.yml", help="Answers from a file, one ID: VALUE a line.")
@click.option("--write", is_flag=True, help="Write the sources, and keep the answers in answers.yml.")
@report_format
@click.pass_obj
def command(
    workspace: str, files: tuple[str, ...], given: tuple[str, ...], file: str | None, write: bool, format_: str
) -> None:
    """Look at files and propose sources for them.

    FILE may be a folder: then it is every file in it whose name ends like a table's. What is certain is proposed; what
    is not is asked. With --write the proposals become files of sources/; one that has open questions is not loaded
    until they are answered. A source file that is there is never written over.
    """
    from headwater.api.questions import answers_of

    with progress() as tell:
        found = Workspace(workspace).inspect(*files, answers=answers_of(file, given), write=write, progress=tell)
    click.echo(found.to_json() if format_ == "json" else found.to_text())
