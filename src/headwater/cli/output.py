"""What verbs print: one format a call, on the standard output or into a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from headwater.api.export import FORMATS
from headwater.errors import QueryError, WorkspaceError

F = TypeVar("F", bound=Callable[..., Any])


class Printable(Protocol):
    """An answer that can be given in every format."""

    def to_text(self) -> str:
        """For people."""

    def to_json(self) -> str:
        """For programs."""

    def to_csv(self) -> str:
        """For spreadsheets and programs."""

    def to_parquet(self) -> bytes:
        """For programs."""

    def to_xlsx(self) -> bytes:
        """For spreadsheets."""


def report_format(function: F) -> F:
    """The option `--format` of a verb whose report is a text or one JSON value."""
    choice = click.Choice(["table", "json"])
    return click.option("-f", "--format", "format_", type=choice, default="table", help="Form of the answer.")(function)


def format_options(function: F) -> F:
    """The options `--format` and `--output` of a verb that gives rows."""
    out = click.option("-o", "--output", metavar="FILE", help="Write to a file instead of the terminal.")
    kind = click.option(
        "-f",
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        help="Form of the answer (default: table, or FILE's ending).",
    )
    return kind(out(function))


def emit(answer: Printable, format_: str | None, output: str | None) -> None:
    """Prints an answer, or writes it into a file that is replaced as a whole."""
    chosen = format_ or _by_name(output)
    match chosen:
        case "json":
            content: str | bytes = answer.to_json() + "\n"
        case "csv":
            content = answer.to_csv()
        case "parquet":
            content = answer.to_parquet()
        case "xlsx":
            content = answer.to_xlsx()
        case _:
            content = answer.to_text() + "\n"
    if output is not None:
        write_file(Path(output), content if isinstance(content, bytes) else content.encode())
    elif isinstance(content, bytes):
        if sys.stdout.isatty():
            raise QueryError(f"{chosen} is not for a terminal", do="Name a file with --output FILE.")
        sys.stdout.buffer.write(content)
    else:
        click.echo(content, nl=False)


def _by_name(output: str | None) -> str:
    ending = Path(output).suffix.removeprefix(".").lower() if output else ""
    return ending if ending in FORMATS else "table"


def write_file(path: Path, content: bytes) -> None:
    """Writes a file as a whole, or says why it cannot be written and leaves the old one."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        why = (error.strerror or type(error).__name__).lower()
        raise WorkspaceError(f"the file cannot be written ({why})", where=str(path), do="Name another.") from error
