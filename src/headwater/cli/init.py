"""`headwater init`: a new workspace, empty or from a folder of exports."""

from __future__ import annotations

from pathlib import Path

import click

from headwater.api import Workspace
from headwater.cli.output import report_format
from headwater.cli.progress import progress


@click.command("init")
@click.argument("folder", required=False, metavar="[DIR]")
@click.option("--from", "exports", metavar="FOLDER", help="Propose sources for the exports in this folder.")
@click.option("--answer", "given", multiple=True, metavar="ID=VALUE", help="Answer a question; an ID may have *.")
@click.option("--answers", "file", metavar="FILE.yml", help="Answers from a file, one ID: VALUE a line.")
@report_format
@click.pass_obj
def command(
    workspace: str, folder: str | None, exports: str | None, given: tuple[str, ...], file: str | None, format_: str
) -> None:
    """Make a folder a workspace.

    Without DIR it is this one, or that of --workspace. Files that are there are kept. With --from every file below
    FOLDER that can be a table is looked at, its source is proposed and written, and what is not certain is asked; in
    the end it is told what can be computed, what is missing, and which export would supply it.
    """
    place = folder or workspace
    here = "" if place == "." else f"--workspace {place} "
    if exports is None:
        made = Workspace.init(place)
        click.echo(
            f"The workspace is {made.path}\n"
            "\n"
            "  headwater.yml  company, currency, time zone, calendar: look it through\n"
            "  sources/       one file a source: where its files lie and what their columns mean\n"
            "  kpis/          your own KPIs      measures/  your own measures      tables/  your own columns, tables\n"
            "\n"
            f"Next: let it look at your exports with: headwater {here}inspect FILE...\n"
            "or describe a file in sources/NAME.yml, such as\n"
            "\n"
            '  path: "exports/leads-*.csv"\n'
            "  tables:\n"
            "    leads:\n"
            "      columns: {lead_id: Lead ID, created_at: Created Date, channel: Lead Source}\n"
            "\n"
            f"then run: headwater {here}refresh"
        )
        return
    from headwater.api.questions import answers_of
    from headwater.api.starting import begin

    with progress() as tell:
        path, found = begin(Path(place), Path(exports), answers_of(file, given), tell)
    if format_ == "json":
        click.echo(found.to_json())
        return
    click.echo(f"The workspace is {path}\n")
    click.echo(found.to_text())
    click.echo(f"\n{found.outlook_text()}\n")
    if found.doubts:
        click.echo(f"Next: fill in {path}/answers.yml, then run: headwater {here}inspect {exports} --write")
    click.echo(f"{'Then' if found.doubts else 'Next'}: headwater {here}refresh")
