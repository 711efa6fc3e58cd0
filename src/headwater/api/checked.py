"""What came of one check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that was checked. `state`: ok, warning or failed. `again`: it could not be checked just now."""

    check: str
    state: str
    subject: str
    what: str
    again: bool = False
