"""The command line: `headwater --workspace DIR VERB ...`. A verb's module is loaded when the verb is called."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from importlib import import_module
from typing import Any

import click

from headwater.errors import DefinitionError, HeadwaterError
from headwater.version import VERSION

VERBS = {
    "init": "Make a folder a workspace.",
    "inspect": "Look at files and propose sources for them.",
    "demo": "Make up a company to look at, and serve its page.",
    "load": "Land what is new in the sources, without changing the tables.",
    "refresh": "Load what is new in the sources, then build and publish the tables.",
    "rollback": "Make an earlier data version current again.",
    "check": "Tell whether the data adds up.",
    "doctor": "Tell whether the workspace is sound.",
    "kpi": "List, show and lint KPI definitions.",
    "measure": "Print the values of KPIs.",
    "trace": "Show how numbers were made.",
    "records": "List the rows counted behind numbers.",
    "compare": "Put two periods, segments, KPIs, days or data versions side by side.",
    "funnel": "Show how many came to each stage, which share went on and how long it took.",
    "components": "Tell what each channel, program and campaign is for, and whether it contributes.",
    "qualify": "Show who meets the criteria for a good lead, and how well that tells who buys.",
    "engine": "Tell whether another engine gives the same answers.",
    "serve": "Serve the page and the HTTP interface to this computer.",
    "erase": "Remove a person or company from everything kept here.",
}
"""Every verb and what its help says first; the module of the same name below this package holds it."""

ASKING = frozenset({"kpi", "measure", "trace", "records", "compare", "funnel", "components", "qualify"})
"""Verbs that answer and are gone before searching memory for garbage could be of use."""

FAULT_OF_OURS = 70
"""The exit code of an error that nobody foresaw."""


class Verbs(click.Group):
    """The verbs, each loaded when it is needed; errors end in one clear text and the exit code of their kind."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the installed program runs. Called without arguments, as it does, the process ends with the verb: to
        search the memory that start-up takes for garbage, and to take it down piece by piece at the end, is a quarter
        of what a first answer costs."""
        if args or kwargs:
            return super().__call__(*args, **kwargs)
        gc.disable()
        try:
            return self.main()
        except SystemExit as end:
            _end(end.code)
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order a workspace is worked with."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb, or None."""
        if cmd_name not in VERBS:
            return None
        if cmd_name not in ASKING:
            gc.enable()
        command: click.Command = import_module(f"headwater.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the verbs with their first line, without loading any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that was called. A misspelt one is answered with the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from headwater.errors import nearest

            word = args[0]
            if word.startswith("-"):
                raise
            hint = nearest(word, VERBS) or f"The verbs are {', '.join(VERBS)}."
            raise click.UsageError(f"no verb is called {word!r}. {hint}", ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the verb and turns what it raises into a text and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except HeadwaterError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(told(error), err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("Stopped. What was stored before is whole.", err=True)
            ctx.exit(130)
        except BrokenPipeError:
            ctx.exit(_left_alone())
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            click.echo(_unforeseen(error), err=True)
            ctx.exit(FAULT_OF_OURS)


def _end(code: object) -> None:
    """Ends the process where nothing is left to do but to take its memory down; else returns."""
    if not isinstance(code, int | None) or sys.flags.inspect:
        return
    from threading import active_count

    if active_count() > 1:
        return
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # Python says what there is to say of a stream that is gone
        return
    os._exit(code or 0)


def told(error: HeadwaterError) -> str:
    """An error as people read it: what, where, and what to do on a line of its own."""
    from headwater.api.show import harmless

    if isinstance(error, DefinitionError) and error.faults:
        return "\n".join([harmless(error.what), *(harmless(str(fault)) for fault in error.faults)])
    first = harmless(": ".join(part for part in (error.where, error.what) if part))
    return "\n".join([f"Error: {first}", *(harmless(line) for line in error.do.splitlines())])


def _unforeseen(error: Exception) -> str:
    """What is said of an error that nobody foresaw; its own text may hold data, so it is not shown."""
    return (
        f"Error: something went wrong that Headwater did not expect ({type(error).__name__}).\n"
        "Nothing that was stored before is lost. Run the same command as 'headwater --debug ...' to see where, "
        "and report it."
    )


def _left_alone() -> int:
    """The exit code where whoever read our output has stopped reading; Python's own complaint at exit is silenced."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


@click.group(cls=Verbs, subcommand_metavar="VERB ...", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-w", "--workspace", default=".", metavar="DIR", help="The workspace folder (default: this folder).")
@click.option("--debug", is_flag=True, help="Show where in the program an error arose.")
@click.version_option(VERSION, message="headwater %(version)s")
@click.pass_context
def main(ctx: click.Context, workspace: str, debug: bool) -> None:
    """KPIs for B2B marketing: every number by one exact definition, explained down to the row.

    \b
    Exit codes: 0 done, 1 a check failed, 2 the question or a file is wrong,
    3 a source failed, 4 the workspace cannot be used.
    """
    for stream in (sys.stdout, sys.stderr):  # a letter that the terminal lacks is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    ctx.obj = workspace
