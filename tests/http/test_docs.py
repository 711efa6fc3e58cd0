"""docs/serve.md says the figures that the program holds."""

from pathlib import Path

import pytest

from headwater.api.held import SECONDS
from headwater.http import server, watching
from headwater.http.guards import headers, limits
from headwater.http.guards.entry import Entry

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "said",
    [
        f"port {server.PORT} is taken",
        f"listens on {server.ADDRESS} alone",
        f"at most {server.FINISH_SECONDS} seconds",
        f"{limits.MOST_URL >> 10} KB of address",
        f"{limits.MOST_HEADERS >> 10} KB of headers",
        f"{limits.MOST_BODY >> 10} KB of body",
        f"{limits.MOST_AT_ONCE} answers",
        f"{server.MOST_CONNECTIONS:,} connections at once",
        f"at most {SECONDS:g} seconds",
        headers.POLICY,
    ],
)
def test_figures(said: str) -> None:
    assert said in " ".join(TEXT.split())


def test_words() -> None:
    assert watching.EVERY_SECONDS == 2 and "every two seconds" in TEXT
    assert Entry.__doc__ and "Authorization: Bearer TOKEN" in TEXT
