"""`headwater components`: what each channel, program and campaign is for, and whether it contributes."""

from __future__ import annotations

from typing import Any

import click

from headwater.api import Workspace
from headwater.cli.output import emit, format_options
from headwater.model.component import LEVELS


@click.command("components")
@click.option("--level", multiple=True, type=click.Choice(list(LEVELS)), help="Only this level; may be repeated.")
@click.option("--funnel", default="", metavar="FUNNEL", help="The funnel that they feed (default: components.yml).")
@click.option("-p", "--period", metavar="PERIOD", help="As in measure (default: the last twelve months).")
@click.option("--as-of", metavar="DAY", help="Count no outcome after this day (default: today).")
@click.option("--generation", default="", metavar="ID", help="Ask an earlier data version (default: the current one).")
@format_options
@click.pass_obj
def command(folder: str, /, format_: str | None, output: str | None, **question: Any) -> None:
    """Tell what each channel, program and campaign is for, and whether it contributes.

    A verdict is one of three: it contributes; there is no sign of it, although there would be; or it cannot be told.

    \b
    headwater components
    headwater components --level campaign --period 2025
    headwater components --level channel --format json
    """
    emit(Workspace(folder).components(**question), format_, output)
