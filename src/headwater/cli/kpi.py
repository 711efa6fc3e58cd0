"""`headwater kpi`: definitions listed, shown, held against the data, and linted."""

from __future__ import annotations

import click

from headwater.api import Workspace
from headwater.cli.asking import complete_kpi
from headwater.cli.output import emit, format_options, report_format


@click.group("kpi")
def command() -> None:
    """List, show and lint KPI definitions."""


@command.command("list")
@click.argument("words", nargs=-1)
@format_options
@click.pass_obj
def list_(folder: str, words: tuple[str, ...], format_: str | None, output: str | None) -> None:
    """List KPIs: all, or those in which every WORD occurs."""
    emit(Workspace(folder).kpi_list(" ".join(words)), format_, output)


@command.command("show")
@click.argument("kpi", shell_complete=complete_kpi)
@report_format
@click.pass_obj
def show(folder: str, kpi: str, format_: str) -> None:
    """Show all that is known of a KPI: question, formula, variants, measures, pitfalls, example."""
    page = Workspace(folder).kpi_show(kpi)
    click.echo(page.to_json() if format_ == "json" else page.to_text())


@command.command("coverage")
@click.argument("words", nargs=-1)
@click.option("--kgi", default="", metavar="KPI", help="The KPI you steer by.", shell_complete=complete_kpi)
@report_format
@click.pass_obj
def coverage(folder: str, words: tuple[str, ...], kgi: str, format_: str) -> None:
    """Show which KPIs can be computed (all, or those in which every WORD occurs), what the others lack and which export
    supplies it, and about seven to begin with."""
    found = Workspace(folder).kpi_coverage(" ".join(words), kgi=kgi)
    click.echo(found.to_json() if format_ == "json" else found.to_text())


@command.command("lint")
@format_options
@click.pass_context
def lint(ctx: click.Context, format_: str | None, output: str | None) -> None:
    """Say what is doubtful in the definition files. Exit code 1 when something is, 2 when a file is wrong."""
    found = Workspace(ctx.obj).kpi_lint()
    if found or format_ is not None:
        emit(found, format_, output)
    else:
        click.echo("Nothing to remark.")
    ctx.exit(1 if found else 0)
