"""The reference pages name every key a person can write, from the shapes the program reads."""

from pathlib import Path

import pytest

from headwater.api.settings_file import CalendarFile, CompanyFile, OverrideFile
from headwater.connectors.sources import _Column, _Source, _Table
from headwater.files.read import Definition
from headwater.metrics.shapes import DeriveShape, KpiShape, MeasureShape, VariantShape
from headwater.model.expression import FUNCTIONS
from headwater.model.measure import AGGREGATES

DOCS = Path(__file__).parent.parent / "docs"

PAGES = [
    ("sources.md", _Source), ("sources.md", _Table), ("sources.md", _Column),
    ("settings.md", CompanyFile), ("settings.md", CalendarFile), ("settings.md", OverrideFile),
    ("definitions.md", MeasureShape), ("definitions.md", KpiShape), ("definitions.md", VariantShape),
    ("definitions.md", DeriveShape),
]  # fmt: skip


@pytest.mark.parametrize(("page", "shape"), PAGES, ids=lambda v: getattr(v, "__name__", v))
def test_every_key_is_on_its_page(page: str, shape: type[Definition]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    keys = [field.alias or name for name, field in shape.model_fields.items()]
    missing = [key for key in keys if f"`{key}`" not in text and f"{key}:" not in text]
    assert not missing


def test_every_function_and_aggregate_is_on_the_page() -> None:
    text = (DOCS / "definitions.md").read_text(encoding="utf-8")
    assert [name for name in (*FUNCTIONS, *AGGREGATES) if name not in text] == []
