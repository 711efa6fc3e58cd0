"""The templates: one environment a language, in which a name left out is an error and every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_fragments import render_block

from headwater.web.assets import Assets
from headwater.web.drawing import spark_shape, stream
from headwater.web.parts import Frame, Later
from headwater.web.texts import speaker

FOLDER = Path(__file__).parent

Navigation = tuple[tuple[str, str], ...]
"""The pages of the header, as (folder name, address)."""


def environment(
    assets: Assets, navigation: Navigation = (), language: str = "en", *, development: bool = False
) -> Environment:
    """The environment of every template. Templates know besides what a page gives them: `say` (texts of the interface),
    `asset` (address of a built file), `navigation`, `spark_shape` and `stream` (path data), `plain` (values as JSON);
    and the test `later_part` (a part that is worked out when it is seen).

    A part that is sent alone is one block of its page; it imports the components it uses inside that block.
    """
    env = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=development,
    )
    env.policies["json.dumps_kwargs"] = {"allow_nan": False, "ensure_ascii": False, "separators": (",", ":")}
    env.tests["later_part"] = lambda value: isinstance(value, Later)
    env.globals.update(
        say=speaker(language),
        asset=assets.address,
        navigation=navigation,
        spark_shape=spark_shape,
        stream=stream,
        plain=lambda values: [asdict(value) for value in values],
    )
    return env


def is_part(request: Request) -> bool:
    """Whether htmx asks, for a part of the page that it has; going back it asks for the whole."""
    asked = request.headers
    back = asked.get("hx-history-restore-request") == "true" or asked.get("hx-request-type") == "full"
    return asked.get("hx-request") == "true" and not back


class Templates:
    """Answers made of templates."""

    def __init__(self, env: Environment) -> None:
        self.env = env

    def page(
        self,
        request: Request,
        name: str,
        frame: Frame,
        context: Mapping[str, Any],
        *,
        block: str = "",
        status: int = 200,
    ) -> HTMLResponse:
        """A page whole; or, where htmx asks for it and `block` is named, that block alone."""
        values = {"frame": frame, **context}
        if block and is_part(request):
            text = render_block(self.env, name, block, **values)
        else:
            text = self.env.get_template(name).render(values)
        # The same address has two forms, so a cache must tell them apart by what asked.
        return HTMLResponse(text, status, headers={"Vary": "HX-Request"})
