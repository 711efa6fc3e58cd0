"""What a load would do: the same load, into a place that is thrown away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from headwater.api.condition import Aside, set_aside, tallies
from headwater.api.folder import Folder
from headwater.api.loading import load
from headwater.api.reports import LoadedFile
from headwater.api.settings import FILE
from headwater.store.landing import journal, quarantine_rows
from headwater.store.place import open_store


@dataclass(frozen=True, slots=True)
class Previewed:
    """What would become of each file, and the rows that would be set aside, grouped by reason."""

    files: tuple[LoadedFile, ...]
    aside: tuple[Aside, ...]


def preview(folder: Folder, texts: Mapping[str, str], links: Sequence[str]) -> Previewed:
    """What a load of sources that are not written yet would do. Nothing of the workspace changes.

    `texts` are the source files and own tables by their path in the workspace; `links` the folders in it that hold the
    files. Raises DefinitionError where the texts are wrong.
    """
    folder.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="preview-", dir=folder.cache) as place:
        scratch = replace(folder, path=Path(place))
        shutil.copyfile(folder.path / FILE, scratch.path / FILE)
        if (folder.path / "tables").is_dir():
            shutil.copytree(folder.path / "tables", scratch.path / "tables")
        for name in links:
            (scratch.path / name).symlink_to(folder.path / name, target_is_directory=True)
        for name, text in texts.items():
            path = scratch.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        loaded = load(scratch)
        store = open_store(scratch.store)
        return Previewed(loaded.files, set_aside(scratch, journal(store), tallies(partial(quarantine_rows, store))))
