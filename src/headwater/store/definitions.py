"""Versions of definitions, kept by the hash of their content, so that an old answer can be explained."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from headwater.errors import WorkspaceError
from headwater.store.disk import refusals, replace_file
from headwater.store.lock import must_write
from headwater.store.place import Store
from headwater.store.records import canonical


def keep_definition(store: Store, definition: Any) -> str:
    """The hash under which a definition (JSON values) is kept from now on; keeping it twice changes nothing."""
    must_write(store)
    content = canonical(definition)
    id_ = hashlib.sha256(content).hexdigest()
    path = store.definitions / f"{id_}.json"
    if not path.exists():
        with refusals(store.definitions):
            replace_file(path, content)
    return id_


def definition(store: Store, id_: str) -> Any:
    """The definition that is kept under a hash. Raises WorkspaceError when it is not kept or damaged."""
    path = store.definitions / f"{id_}.json"
    if not (id_.isalnum() and path.is_file()):
        raise WorkspaceError(f"no definition is kept under '{id_}'", where=str(store.definitions))
    with refusals(path):
        content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != id_:
        raise WorkspaceError(
            f"the kept definition '{path.name}' is damaged",
            where=str(path),
            do="Restore it from a backup, or remove it: the current definitions are kept again by the next refresh.",
        )
    return json.loads(content)
