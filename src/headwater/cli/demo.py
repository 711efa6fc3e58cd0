"""`headwater demo`: a made-up company, from its exports to its page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from headwater.cli.progress import progress


@click.command("demo")
@click.option("--dir", "folder", default="headwater-demo", metavar="DIR", help="Where (default: ./headwater-demo).")
@click.option(
    "--scale", type=float, default=1.0, help="How large: from 0.01 to 100 (default: 1, some 1.1 million rows)."
)
@click.option("--seed", type=click.IntRange(min=0), default=7, help="Another seed, another company (default: 7).")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The last day that is told, the end of a month (default: that of the last whole month).",
)
@click.option("--serve/--no-serve", "served", default=True, help="Serve the page when all is built (default), or end.")
def command(folder: str, scale: float, seed: int, until: datetime | None, served: bool) -> None:
    """Make up a company to look at, and serve its page.

    Three years of a B2B software company are drawn from a seed, written as the exports of some thirty programs with
    all their dirt, and loaded and built like anybody's files. truth.json in the folder says what is true of the
    company. A folder that holds something else than a demo is left alone.
    """
    from headwater.demo.make import make

    with progress() as tell:
        done = make(Path(folder), scale=scale, seed=seed, until=until.date() if until else None, tell=tell)
    click.echo(
        f"{done.rows:,} rows of {done.files} files up to {done.until} are loaded into {done.folder}; "
        f"{done.set_aside} were written broken and set aside."
    )
    if served:
        from headwater.cli.serve import serve

        serve(done.folder)
        return
    click.echo(
        f"Ask, such as: headwater --workspace {folder} measure leads win_rate --period 'last 12 months' --grain month\n"
        f"Or look at it: headwater --workspace {folder} serve"
    )
