"""`headwater compare`: two numbers side by side."""

from __future__ import annotations

from typing import Any

import click

from headwater.api import Workspace
from headwater.cli.asking import kpi_argument, question_options
from headwater.cli.output import emit, format_options


@click.command("compare")
@kpi_argument
@question_options(twice=True)
@format_options
@click.pass_obj
def command(folder: str, /, kpis: tuple[str, ...], format_: str | None, output: str | None, **question: Any) -> None:
    """Put two periods, segments, KPIs, days or data versions side by side.

    \b
    headwater compare win_rate --period 2024 --period 2025
    headwater compare win_rate --period 2025 --filter "channel = 'email'" --filter "channel = 'ads'"
    headwater compare leads mqls --period 2025 --grain month
    """
    emit(Workspace(folder).compare(*kpis, **question), format_, output)
