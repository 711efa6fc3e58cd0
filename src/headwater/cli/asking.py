"""The options by which every verb is asked a question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from headwater.model.period import Grain

F = TypeVar("F", bound=Callable[..., Any])


def complete_kpi(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """KPI ids that begin so, from file names alone."""
    package = Path(__file__).resolve().parent.parent
    own = Path(ctx.find_root().params.get("workspace") or ".")
    folders = (package / "catalogue" / "kpis", own / "kpis")
    return sorted({p.stem for f in folders for p in f.glob("*.yml") if p.stem.startswith(incomplete)})


def kpi_argument(function: F) -> F:
    """The argument with the KPIs of a question."""
    return click.argument("kpis", nargs=-1, required=True, metavar="KPI...", shell_complete=complete_kpi)(function)


def question_options(*, twice: bool = False) -> Callable[[F], F]:
    """The options of a question; with `twice`, those that can be compared may be given two times."""
    more = " Give it twice to compare." if twice else ""

    def with_options(function: F) -> F:
        options = (
            click.option(
                "-p",
                "--period",
                multiple=twice,
                metavar="PERIOD",
                help="2025, 2025-Q1, 2025-03, 2025-W10, FY2025, 2025-01-01..2025-06-30, 'last 12 months' "
                f"(default: all data).{more}",
            ),
            click.option(
                "-g", "--grain", default=Grain.ALL.value, metavar="GRAIN", show_default=True,
                help="Step of the period: " + ", ".join(g.value for g in Grain) + ".",
            ),
            click.option(
                "-b", "--by", multiple=True, metavar="SPLIT",
                help="Split by a column, such as channel; may be repeated.",
            ),
            click.option(
                "--filter", multiple=twice, default=() if twice else "", metavar="CONDITION",
                help=f"Only rows that meet it: \"channel = 'email' and region in ('EMEA', 'APAC')\".{more}",
            ),
            click.option(
                "--as-of", multiple=twice, metavar="DAY",
                help=f"Count no outcome after this day (default: today).{more}",
            ),
            click.option(
                "--generation", multiple=twice, default=() if twice else "", metavar="ID",
                help=f"Ask an earlier data version (default: the current one).{more}",
            ),
        )  # fmt: skip
        for option in reversed(options):
            function = option(function)
        return function

    return with_options
