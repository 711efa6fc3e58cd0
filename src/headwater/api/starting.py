"""A new workspace: the folder, its settings with comments, and the places for what an analyst writes."""

from __future__ import annotations

import json
from pathlib import Path

from headwater.api.settings import FILE
from headwater.errors import WorkspaceError

FOLDERS = ("sources", "kpis", "measures", "tables")
IGNORED = ".headwater/"


def init(path: Path) -> Path:
    """The folder, made a workspace. Nothing that is there is overwritten; a second run changes nothing.

    Raises WorkspaceError when the place cannot be written.
    """
    folder = path.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        for name in FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        settings = folder / FILE
        if not settings.exists():
            with settings.open("x", encoding="utf-8") as file:
                file.write(settings_text(folder.name))
        _ignore(folder / ".gitignore")
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise WorkspaceError(
            f"no workspace can be made here ({why})", where=str(path), do="Name another folder, or mend this one."
        ) from error
    return folder


def settings_text(company: str) -> str:
    """The `headwater.yml` of a new workspace."""
    return f"""\
# What Headwater should know of the company. Every key but 'company' may be left out.
company: {json.dumps(company, ensure_ascii=False)}

# Money is shown in this currency (ISO 4217); amounts in others are converted at their day's rate.
currency: EUR

# Days begin at midnight here (IANA name, such as Europe/Berlin).
time_zone: UTC

# First month of the fiscal year, and how its months are cut: months, 445, 454 or 544.
calendar:
  fiscal_start: 1
  pattern: months

# What one question or refresh may use.
memory_mb: 2048
threads: 2

# An exchange rate is used for so many days after its own, where later ones are missing.
rate_days: 7

# What single KPIs should take instead of what their files say, such as:
# kpis:
#   win_rate: {{small_sample: 10, mature: 90 days}}
"""


def _ignore(path: Path) -> None:
    """Adds the data folder to `.gitignore`, keeping what stands there."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if any(line.strip().strip("/") == IGNORED.strip("/") for line in text.splitlines()):
        return
    gap = "" if not text or text.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{gap}{IGNORED}\n")
