"""`headwater measure`: the values of KPIs."""

from __future__ import annotations

from typing import Any

import click

from headwater.api import Workspace
from headwater.cli.asking import kpi_argument, question_options
from headwater.cli.output import emit, format_options


@click.command("measure")
@kpi_argument
@question_options()
@format_options
@click.pass_obj
def command(folder: str, /, kpis: tuple[str, ...], format_: str | None, output: str | None, **question: Any) -> None:
    """Print the values of KPIs.

    \b
    headwater measure win_rate
    headwater measure win_rate --period 2025 --grain quarter --by channel
    headwater measure leads cost_per_lead --period "last 12 months" --format json
    """
    emit(Workspace(folder).measure(*kpis, **question), format_, output)
