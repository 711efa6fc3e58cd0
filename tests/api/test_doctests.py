"""The examples in docstrings of the API and the command line."""

import doctest

import pytest

from headwater.api import ask, export, show


@pytest.mark.parametrize("module", [ask, export, show], ids=lambda m: m.__name__)
def test_the_examples_in_docstrings(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.failed == 0
