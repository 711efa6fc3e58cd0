"""`headwater init`: a new workspace."""

from __future__ import annotations

import click

from headwater.api import Workspace


@click.command("init")
@click.argument("folder", required=False, metavar="[DIR]")
@click.pass_obj
def command(workspace: str, folder: str | None) -> None:
    """Make a folder a workspace.

    Without DIR it is this one, or that of --workspace. Files that are there are kept.
    """
    made = Workspace.init(folder or workspace)
    here = "" if (folder or workspace) == "." else f"--workspace {folder or workspace} "
    click.echo(
        f"The workspace is {made.path}\n"
        "\n"
        "  headwater.yml  company, currency, time zone, calendar: look it through\n"
        "  sources/       one file a source: where its files lie and what their columns mean\n"
        "  kpis/          your own KPIs      measures/  your own measures      tables/  your own columns and tables\n"
        "\n"
        "Next: describe a file in sources/NAME.yml, such as\n"
        "\n"
        '  path: "exports/leads-*.csv"\n'
        "  tables:\n"
        "    leads:\n"
        "      columns: {lead_id: Lead ID, created_at: Created Date, channel: Lead Source}\n"
        "\n"
        f"then run: headwater {here}refresh"
    )
