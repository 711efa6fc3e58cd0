"""The block of components on the funnel page: verdicts in words, gaps, levels. The small company has no campaigns."""

import re
from collections.abc import Callable

import pytest

from tests.http.client import Client
from tests.web.reading import read

Served = Callable[[str], Client]
BLOCK = "/funnel?part=components&period=2025-Q1"


def test_a_component_without_an_objective_is_not_judged_and_that_is_said(served: Served) -> None:
    text = served("small").get(BLOCK).text
    block = read(text).at("components")
    assert "cannot tell" in block.text and "It is not known what it is for." in block.text
    assert "No objective is named." in block.text
    assert "No source feeds campaigns: objectives come from components.yml alone." in block.text


def test_the_levels_are_links_and_the_filter_is_owned_to(served: Served) -> None:
    client = served("small")
    block = read(client.get(f"{BLOCK}&level=campaign&filter=channel+%3D+%27email%27").text).at("components")
    assert "No campaign, program or channel is known in the period." in block.text
    assert "Components are told of everything, whatever the filter." in block.text
    assert {"Channels", "Programs", "Campaigns"} <= {link.strip() for link in block.links}
    assert client.get("/funnel?part=components&level=campain").status_code == 400


@pytest.mark.parametrize("page", ["/funnel", "/qualify"])
def test_the_newest_month_is_named_where_no_period_means_another(served: Served, page: str) -> None:
    """Without a period these pages look at a year and more, so that the way to the newest month has to say so."""
    text = served("small").get(f"{page}?period=2025-02").text
    (later,) = re.findall(r'rel="next" href="([^"]*)"', text)
    assert later == f"{page}?period=2025-03"
    assert len(re.findall(r"<select ", text)) == 1  # the period alone: nothing is compared
