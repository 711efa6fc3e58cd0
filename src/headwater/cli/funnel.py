"""`headwater funnel`: how many came to each stage, which share went on and how long it took."""

from __future__ import annotations

from typing import Any

import click

from headwater.api import Workspace
from headwater.cli.asking import question_options
from headwater.cli.output import emit, format_options


@click.command("funnel")
@click.argument("funnel", default="", metavar="[FUNNEL]")
@question_options()
@click.option("--start", default="", metavar="STEP", help="Also from this step to `--end`, beside step by step.")
@click.option("--end", default="", metavar="STEP", help="The last step of that pair (default: the last of all).")
@click.option(
    "--reference",
    multiple=True,
    metavar="STEP=RATE",
    help="Hold the rate to a step against this one instead of its own best year's; may be repeated.",
)
@click.option("--cohorts", is_flag=True, help="Also which share of each month's entries had come by which age.")
@format_options
@click.pass_obj
def command(folder: str, /, funnel: str, format_: str | None, output: str | None, **question: Any) -> None:
    """Show how many came to each stage, which share went on and how long it took.

    Without a name it is the funnel `leads`.

    \b
    headwater funnel --period 2025
    headwater funnel deals --period 2025 --by region
    headwater funnel --start mql --end customer --reference sales_qualified=40%
    """
    emit(Workspace(folder).funnel(funnel, **question), format_, output)
