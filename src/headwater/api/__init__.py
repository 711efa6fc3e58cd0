"""The one Python API of Headwater: a `Workspace` with one method a verb."""

from headwater.api.workspace import Workspace

__all__ = ["Workspace"]
