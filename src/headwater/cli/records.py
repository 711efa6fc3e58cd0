"""`headwater records`: the rows counted behind numbers."""

from __future__ import annotations

from typing import Any

import click

from headwater.api import Workspace
from headwater.cli.asking import kpi_argument, question_options
from headwater.cli.output import emit, format_options


@click.command("records")
@kpi_argument
@question_options()
@click.option("--limit", default=100, show_default=True, metavar="N", help="At most so many rows of each measure.")
@click.option("--unmask", is_flag=True, help="Show personal values.")
@format_options
@click.pass_obj
def command(
    folder: str,
    /,
    kpis: tuple[str, ...],
    limit: int,
    unmask: bool,
    format_: str | None,
    output: str | None,
    **question: Any,
) -> None:
    """List the rows counted behind numbers.

    Each comes with the file and row it was read from. Personal values are masked.
    """
    emit(Workspace(folder).records(*kpis, limit=limit, unmask=unmask, **question), format_, output)
