"""Headwater: the KPI system for B2B marketing. `from headwater import Workspace` is the door to all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.version import VERSION as __version__

if TYPE_CHECKING:
    from headwater.api import Workspace

__all__ = ["Workspace", "__version__"]


def __getattr__(name: str) -> object:
    """`Workspace`, loaded when it is asked for: a version is read without it."""
    if name == "Workspace":
        from headwater.api import Workspace

        return Workspace
    raise AttributeError(f"module 'headwater' has no attribute {name!r}")
