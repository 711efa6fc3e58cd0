"""What adapters say of drivers and addresses."""

from __future__ import annotations

import re
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


_QUOTED = {
    True: re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`", re.DOTALL),
    False: re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""),
}


def bare(text: str, *, escapes: bool) -> str:
    """A statement without what stands in quotation marks. `escapes`: a backslash there takes the next letter along.

    >>> bare("SELECT 'it''s; into', \"set\" FROM t", escapes=False)
    'SELECT ?, ? FROM t'
    """
    return _QUOTED[escapes].sub("?", text)


def more_than_reading() -> QueryError:
    """The error of a statement that is not one SELECT and nothing else."""
    return QueryError("this statement does more than read, so it was not run", do="Ask with one SELECT.")
