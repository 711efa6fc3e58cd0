"""The application over a world of two leads."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from headwater.api.held import Held
from headwater.http.server import application
from tests.http.client import PORT, TOKEN, Client
from tests.world import NOW, world


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    leads = [{"lead_id": "a", "created_at": "2025-01-03"}, {"lead_id": "b", "created_at": "2025-02-03T10:00"}]
    folder = world(tmp_path_factory.mktemp("http"), {"leads": leads}).path
    with Held(folder, now=NOW, environment={}) as held:
        app = application(held, port=PORT, token=TOKEN)
        yield app
        app.state.refreshing.stop()


@pytest.fixture
def client(app: FastAPI) -> Client:
    return Client(app)


@pytest.fixture
def stranger(app: FastAPI) -> Client:
    """Without the cookie."""
    return Client(app, {})
