"""The small company, built once for the tests that only ask it."""

import pytest

from headwater import Workspace
from tests.surface import small_company


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_company(tmp_path_factory.mktemp("company"))
