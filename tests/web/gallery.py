"""The pages on a bare application, without the guards of the server: for tests of what the pages answer."""

from typing import cast

from fastapi import FastAPI

from headwater.api.held import Held
from headwater.web.app import mount
from tests.http.client import Client


def bare(*, development: bool = True) -> FastAPI:
    """An application that has the pages and no workspace: enough for the gallery, the assets and the error pages."""
    app = FastAPI(openapi_url=None)
    app.state.development = development
    mount(app, cast(Held, None))
    return app


def client(app: FastAPI) -> Client:
    """One without a cookie, as there are no guards."""
    return Client(app, {})
