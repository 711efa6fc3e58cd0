"""What the page of qualification says of companies that are too small to tell, and of what was asked."""

from __future__ import annotations

from collections.abc import Callable

from tests.http.client import Client
from tests.web.reading import read

Served = Callable[[str], Client]


def test_a_company_without_wins_cannot_tell(served: Served) -> None:
    """Two leads are old enough, and no deal was won: the page says so in words."""
    seen = read(served("small").get("/qualify").text)
    told = seen.at("test").text
    assert "cannot tell: 0 won deals are too few" in told
    assert "2 leads of the period have had 365 days; 0 of them won" in told
    assert seen.at("versions").text.count("Choose a version to hold beside") == 1


def test_two_versions_stand_side_by_side(served: Served) -> None:
    seen = read(served("demo").get("/qualify?against=asked_for_a_talk&period=last-24-months").text)
    shared = seen.at("versions").text
    assert "both" in shared and "in force alone" in shared and "asked for a talk alone" in shared
    assert "Company matches the target profile" in seen.at("rules").text


def test_a_version_that_is_not_there_is_named(served: Served) -> None:
    answer = served("small").get("/qualify?version=third")
    assert answer.status_code == 404 and "third" in answer.text
