"""Brings the current data version to the engine that answers, where that one keeps tables of its own."""

from __future__ import annotations

from collections.abc import Callable

from headwater.errors import HeadwaterError, WorkspaceError
from headwater.model.settings import Settings
from headwater.store.engines.bringing import bring, keeps_tables
from headwater.store.engines.tables import Brought, Table
from headwater.store.generations import current_manifest, generation_ids, views_of
from headwater.store.place import Store


def brought(store: Store, settings: Settings, tell: Callable[[str, int, int], None]) -> Brought | None:
    """What was brought; None where the engine reads the stored files. Inside `writing`.

    Raises WorkspaceError where the engine did not take it: questions are answered from the stored files then.
    """
    manifest = current_manifest(store)
    if manifest is None or not keeps_tables(settings.engine):
        return None
    views = views_of(store, manifest, told=True)
    tables = [
        Table(stored.table, stored.digest, stored.rows, views[stored.table])
        for stored in manifest.generation.tables
        if stored.table in views
    ]
    id_ = manifest.generation.id
    try:
        return bring(settings.loader or settings.engine, settings.role, id_, tables, generation_ids(store), tell)
    except HeadwaterError as error:
        raise WorkspaceError(
            f"data version {id_} is current, but could not be brought to the engine, so questions are answered from "
            f"the stored files: {error.what}",
            where=error.where,
            do=f"{error.do} Then run 'headwater refresh' again.",
        ) from error
