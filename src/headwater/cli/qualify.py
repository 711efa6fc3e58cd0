"""`headwater qualify`: who meets the criteria, and how well that tells who buys."""

from __future__ import annotations

from typing import Any

import click

from headwater.api import Workspace
from headwater.cli.asking import question_options
from headwater.cli.output import emit, format_options


@click.command("qualify")
@click.argument("criteria", default="", metavar="[CRITERIA]")
@question_options()
@click.option(
    "--version",
    default="",
    metavar="VERSION",
    help="Judge all of history by this version of the criteria (default: each moment by the one in force then).",
)
@click.option(
    "--against", default="", metavar="VERSION", help="Hold this version beside it, with the leads that differ."
)
@format_options
@click.pass_obj
def command(folder: str, /, criteria: str, format_: str | None, output: str | None, **question: Any) -> None:
    """Show who meets the criteria for a good lead, and how well that tells who buys.

    Without a name it is the criteria `leads`.

    \b
    headwater qualify --period 2025 --grain month
    headwater qualify --period 2025 --by channel
    headwater qualify --version first --against asked_for_a_talk
    """
    emit(Workspace(folder).qualify(criteria, **question), format_, output)
