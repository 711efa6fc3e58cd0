"""When a workspace outgrows one machine: rules over what its last refreshes took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median

from headwater.store.efforts import Effort

MEMORY = 0.6
"""The part of the allowed memory that a refresh may take before `doctor` says so."""

SPILLED = 2
"""How many times the allowed memory a refresh may spill."""

TIME = 0.25
"""The part of the time between two refreshes that one of them may take."""

LEAST = 3
"""How many refreshes make a habit."""

PAGE = "docs/outgrown.md"


def outgrown(efforts: Sequence[Effort]) -> Iterator[tuple[str, str]]:
    """What the last refreshes say against this machine, each with what to do; nothing before there was one."""
    if not efforts:
        return
    last = efforts[-1]
    if last.peak_mb > MEMORY * last.memory_mb:
        yield (
            f"the last refresh took {last.peak_mb:,} MB, more than {MEMORY:.0%} of the {last.memory_mb:,} MB allowed",
            f"Raise 'memory_mb' in headwater.yml while the machine has more; then see {PAGE}.",
        )
    if last.spilled_mb > SPILLED * last.memory_mb:
        yield (
            f"the last refresh spilled {last.spilled_mb:,} MB, more than {SPILLED} times the {last.memory_mb:,} MB "
            "allowed",
            f"Raise 'memory_mb' in headwater.yml while the machine has more; then see {PAGE}.",
        )
    if (between := interval(efforts)) is not None and timedelta(seconds=last.seconds) > TIME * between:
        yield (
            f"the last refresh took {last.seconds:,} seconds, more than {TIME:.0%} of the "
            f"{between.total_seconds():,.0f} seconds between two refreshes",
            f"Refresh less often, or raise 'threads' in headwater.yml; then see {PAGE}.",
        )


def interval(efforts: Sequence[Effort]) -> timedelta | None:
    """The usual time between two refreshes that built something, None before there is one."""
    if len(efforts) < LEAST:
        return None
    return timedelta(seconds=median((b.at - a.at).total_seconds() for a, b in pairwise(efforts)))
