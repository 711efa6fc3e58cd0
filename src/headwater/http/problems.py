"""Errors as answers: problem+json (RFC 9457) with what is wrong, where, and what to do; the status by class alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import Response

from headwater.errors import (
    DefinitionError,
    HeadwaterError,
    NotKeptError,
    QueryError,
    SourceError,
    StoppedError,
    UnknownError,
    WorkspaceError,
)

MEDIA = "application/problem+json"

_STATUS: tuple[tuple[type[HeadwaterError], int], ...] = (
    (UnknownError, 404),
    (NotKeptError, 404),
    (StoppedError, 503),
    (QueryError, 400),
    (WorkspaceError, 503),
    (SourceError, 503),
    (DefinitionError, 500),
    (HeadwaterError, 500),
)
"""The first class that fits decides."""

RETRY_SECONDS = 5


def status_of(error: HeadwaterError) -> int:
    """The status of an error."""
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def problem(error: HeadwaterError) -> Response:
    """The answer that an error becomes."""
    status = status_of(error)
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.what,
        "what": error.what,
        "where": error.where,
        "do": error.do,
    }
    if isinstance(error, DefinitionError):
        told["faults"] = [asdict(fault) for fault in error.faults]
    headers = {"cache-control": "no-store"} | ({"retry-after": str(RETRY_SECONDS)} if status == 503 else {})
    body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, headers, MEDIA)
