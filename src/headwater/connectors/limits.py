"""How much a parser may use: resident memory, processor time, wall time, and the bytes it writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one parse; `file_mb` is the largest single file it may write."""

    memory_mb: int = 1024
    cpu_seconds: int = 900
    wall_seconds: float = 1800
    file_mb: int = 8192


STANDARD = Limits()
