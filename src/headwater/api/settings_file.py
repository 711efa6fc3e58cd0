"""The shape of `headwater.yml`; imported only when its text is not in the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from headwater.errors import DefinitionError
from headwater.files.read import Definition, load
from headwater.model.measure import Span


class CalendarFile(Definition):
    """The company's calendar."""

    fiscal_start: Annotated[int, Field(ge=1, le=12)] = 1
    pattern: Literal["months", "445", "454", "544"] = "months"


class OverrideFile(Definition):
    """What is said of one KPI instead of its file."""

    small_sample: Annotated[int, Field(ge=0)] | None = None
    tolerance: Annotated[float, Field(ge=0)] | None = None
    mature: str | None = None

    @field_validator("mature")
    @classmethod
    def _a_span(cls, value: str | None) -> str | None:
        if value is not None and value != "p95":
            Span.parse(value)
        return value


class CompanyFile(Definition):
    """All that `headwater.yml` may hold."""

    company: str = ""
    currency: str = "EUR"
    time_zone: str = "UTC"
    locale: str = "en"
    calendar: CalendarFile = CalendarFile()
    engine: Literal["duckdb"] = "duckdb"
    memory_mb: Annotated[int, Field(ge=128)] = 2048
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    rate_days: Annotated[int, Field(ge=0, le=366)] = 7
    demo: bool = False
    upload_mb: Annotated[int, Field(ge=1, le=1 << 20)] = 1024
    kpis: dict[str, OverrideFile] = Field(default_factory=dict)

    @field_validator("currency")
    @classmethod
    def _a_code(cls, value: str) -> str:
        if not (len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()):
            raise ValueError(f"{value!r} is not a currency; write its ISO code, such as EUR")
        return value

    @field_validator("time_zone")
    @classmethod
    def _a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone is called {value!r}; write one such as Europe/Berlin") from None
        return value

    @field_validator("locale")
    @classmethod
    def _a_locale(cls, value: str) -> str:
        from babel import Locale, UnknownLocaleError

        try:
            return str(Locale.parse(value.replace("-", "_")))
        except (UnknownLocaleError, ValueError, TypeError):
            raise ValueError(f"no locale is called {value!r}; write one such as en, de or zh_Hant_TW") from None


def parse_company(path: Path) -> dict[str, Any]:
    """The values of the file as JSON values; DefinitionError with every fault of it."""
    model, faults = load(path, CompanyFile, path.name)
    if model is None:
        raise DefinitionError.of(faults)
    values: dict[str, Any] = model.model_dump(mode="json")
    return values
