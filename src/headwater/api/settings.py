"""What `headwater.yml` says of the company, read once and kept as JSON so that a question loads no YAML."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.model.period import Calendar
from headwater.model.settings import Settings

FILE = "headwater.yml"


@dataclass(frozen=True, slots=True)
class Override:
    """What `headwater.yml` says of one KPI instead of its file; None leaves what the file says."""

    small_sample: int | None = None
    tolerance: float | None = None
    mature: str | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """The settings of a workspace and its overrides by KPI id."""

    settings: Settings
    overrides: Mapping[str, Override]


def read_company(folder: Path, cache: Path) -> Company:
    """What the `headwater.yml` of a workspace says; from the cache when it holds the very text of the file.

    Raises DefinitionError with every fault of the file.
    """
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""  # the definition reader says what is wrong with it
    kept = cache / "settings.json"
    if text and (known := _cached(kept, text)) is not None:
        return known

    from headwater.api.settings_file import parse_company

    values = parse_company(path)
    if text:
        _keep(kept, text, values)
    return _company(values)


def _company(values: Mapping[str, Any]) -> Company:
    own = dict(values)
    calendar = Calendar(**own.pop("calendar"))
    overrides = {kpi: Override(**given) for kpi, given in own.pop("kpis").items()}
    return Company(Settings(**own, calendar=calendar), overrides)


def _cached(path: Path, text: str) -> Company | None:
    try:
        data = json.loads(path.read_bytes())
        return _company(data["settings"]) if data["text"] == text else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, text: str, values: Mapping[str, Any]) -> None:
    """Writes the cache where the place allows it; without it the next question only takes longer."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"text": text, "settings": values}), encoding="utf-8")
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
