"""Writes docs/cli.md, the reference of the command line, from its own help: python docs/generate_cli.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from headwater.cli import main

PAGE = Path(__file__).resolve().parent / "cli.md"

INTRODUCTION = """\
# Command line

`headwater [--workspace DIR] VERB ...`: every verb is a method of the same name [in Python](python.md). This page is
made from the program's own help by `python docs/generate_cli.py`; do not edit it.

- Answers go to the standard output, errors and progress to the standard error.
- Where rows come back, `--format table|csv|json|parquet|xlsx` chooses their form, and `--output FILE` writes them into
  a file, whose ending chooses the form. JSON is a list of objects, for numbers with exactly the fields of an
  Observation: the segment as an object, `null` for what is missing.
- In CSV, a text that a spreadsheet would take for a formula has one more apostrophe before it than it had: taking one
  away gives every text back. In XLSX every text is a text.
- Verbs, options and KPI ids complete: `eval "$(_HEADWATER_COMPLETE=bash_source headwater)"`, or `zsh_source`; for fish
  `_HEADWATER_COMPLETE=fish_source headwater | source`.

| Exit code | What it says |
|---|---|
| 0 | done |
| 1 | a check failed: look at what is named |
| 2 | the question or a file is wrong: change it |
| 3 | a source failed: mend the source or its mapping; the others are loaded |
| 4 | the workspace cannot be used (missing, locked, read-only, full disk, newer version): mend the place |
| 70 | something unforeseen; nothing stored is lost |
| 130 | stopped by the user |
"""


def page() -> str:
    """The whole page: the options before the verb, then every command with its help."""
    top = click.Context(main, info_name="headwater", terminal_width=100, max_content_width=100, **main.context_settings)
    return "\n".join((INTRODUCTION, *map(_section, contexts(top))))


def contexts(context: click.Context) -> Iterator[click.Context]:
    """The context of a command and of every command below it."""
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None:
                yield from contexts(click.Context(command, parent=context, info_name=name))


def _section(context: click.Context) -> str:
    level = "#" * min(3, 1 + len(context.command_path.split()))
    return f"{level} {context.command_path}\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
