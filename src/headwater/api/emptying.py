"""A workspace whose data makes room for other data."""

from __future__ import annotations

from pathlib import Path

from headwater.api.folder import Folder
from headwater.store.clear import clear
from headwater.store.lock import writing
from headwater.store.place import open_store


def empty(path: Path) -> None:
    """Removes all that was loaded and built in a folder; the files in it stay. Raises WorkspaceError, and nothing is
    removed, while another process reads or writes the data."""
    folder = Folder(path)
    if not folder.store.exists():
        return
    store = open_store(folder.store, create=True)
    with writing(store, "demo"):
        clear(store)
