"""The shape of `headwater.yml`; imported only when its text is not in the cache."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from headwater.errors import DefinitionError
from headwater.files.read import Definition, load
from headwater.model.measure import Span
from headwater.model.settings import ENGINES, FILES


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


class EngineFile(Definition):
    """Two addresses of one engine: of those who read, and of who brings the tables there; `role` reads them then."""

    reader: str
    loader: str
    role: str = ""


class CompanyFile(Definition):
    """All that `headwater.yml` may hold."""

    company: str = ""
    currency: str = "EUR"
    time_zone: str = "UTC"
    locale: str = "en"
    calendar: CalendarFile = CalendarFile()
    engine: str | EngineFile = FILES
    memory_mb: Annotated[int, Field(ge=128)] = 2048
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    rate_days: Annotated[int, Field(ge=0, le=366)] = 7
    demo: bool = False
    upload_mb: Annotated[int, Field(ge=1, le=1 << 20)] = 1024
    kpis: dict[str, OverrideFile] = Field(default_factory=dict)

    @field_validator("engine")
    @classmethod
    def _an_engine(cls, value: str | EngineFile) -> str | EngineFile:
        for address in (value,) if isinstance(value, str) else (value.reader, value.loader):
            _check_address(address)
        if isinstance(value, EngineFile):
            if not all(ENGINES[a.partition(":")[0].lower()] == "postgres" for a in (value.reader, value.loader)):
                raise ValueError("only PostgreSQL has a reader and a loader; write one address")
            if not (value.role or _user(value.reader)):
                raise ValueError("name the user that reads: in the address of the reader, or as 'role'")
        return value

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
    if isinstance(model.engine, EngineFile):
        values |= {"engine": model.engine.reader, "loader": model.engine.loader}
        values["role"] = model.engine.role or _user(model.engine.reader)
    return values


def _check_address(address: str) -> None:
    """Raises ValueError for what is no address of an engine, and for one that holds a secret."""
    scheme, colon, rest = address.partition(":")
    known = ENGINES.get(scheme.lower())
    whole = {"duckdb": not colon, "clickhouse": not colon, "postgres": rest.startswith("//"), "spark": bool(rest)}
    if known is None or not whole[known]:
        raise ValueError(
            f"no engine has the address {_bare(address)!r}; write duckdb, postgresql://user@host/database, "
            "spark:local[2], spark://host:7077 or chdb"
        )
    if known != "postgres":
        return
    try:
        parts = urlsplit(address)
        secret = parts.password is not None or {"password", "sslpassword"} & parse_qs(parts.query).keys()
    except ValueError:
        raise ValueError("this address cannot be read; write postgresql://user@host/database") from None
    if secret:
        raise ValueError(
            "an address here holds no password: put it into ~/.pgpass (or the file that PGPASSFILE names), a service "
            "file of PostgreSQL, or PGPASSWORD"
        )


def _bare(address: str) -> str:
    """An unknown address without what may be a secret in it."""
    return re.sub(r"//[^/@]*@", "//...@", address.partition("?")[0])


def _user(address: str) -> str:
    parts = urlsplit(address)
    return unquote(parts.username or "") or parse_qs(parts.query).get("user", [""])[0]
