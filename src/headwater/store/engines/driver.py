"""What adapters say of drivers and addresses."""

from __future__ import annotations

from urllib.parse import urlsplit

from headwater.errors import QueryError


def missing_driver(engine: str, extra: str) -> QueryError:
    """The error of an engine whose driver is not installed."""
    return QueryError(
        f"the driver of {engine} is not installed", do=f"Install it with the package: pip install 'headwater[{extra}]'."
    )


def without_password(url: str) -> str:
    """An address as it may be shown.

    >>> without_password("postgresql://reader:secret@db/kpi")
    'postgresql://reader:***@db/kpi'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition(":")[0]
    if not parts.password:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
