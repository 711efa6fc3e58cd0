"""`headwater trace`: how numbers were made."""

from __future__ import annotations

from typing import Any

import click

from headwater.api import Workspace
from headwater.cli.asking import kpi_argument, question_options
from headwater.cli.output import report_format


@click.command("trace")
@kpi_argument
@question_options()
@report_format
@click.option("--no-statements", is_flag=True, help="Leave out the text of the statements that ran.")
@click.pass_obj
def command(folder: str, /, kpis: tuple[str, ...], format_: str, no_statements: bool, **question: Any) -> None:
    """Show how numbers were made.

    Definition, formula with its numbers, rows counted, derived columns, freshness, versions and statements.
    """
    traced = Workspace(folder).trace(*kpis, **question)
    click.echo(traced.to_json() if format_ == "json" else traced.to_text(statements=not no_statements))
