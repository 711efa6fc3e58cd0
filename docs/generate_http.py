"""Writes the documented answers of the HTTP interface, each by asking it, and the tables of docs/http.md.

Run it after a change of a path, a parameter or an answer: `python docs/generate_http.py`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from headwater import Workspace
from headwater.api.held import Held
from headwater.http import api

PAGE = Path(__file__).with_name("http.md")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
MOST_ROWS = 4

ASKED = {
    "measure": "/api/measure?kpi=cost_per_lead&period=2026-01..2026-02&by=channel",
    "records": "/api/records?kpi=cost_per_lead&period=2026-02&limit=2",
    "trace": "/api/trace?kpi=cost_per_lead&period=2026-01",
    "compare": "/api/compare?kpi=cost_per_lead&period=2026-01&period=2026-02",
    "funnel": "/api/funnel?period=2026-01..2026-02",
    "components": "/api/components?period=2026-01..2026-02&level=channel",
    "qualify": "/api/qualify?period=2026-01..2026-02",
    "kpi": "/api/kpi?find=cost+per+lead",
    "kpi_page": "/api/kpi/cost_per_lead",
    "kpi_coverage": "/api/kpi/coverage?find=cost+per+lead",
    "check": "/api/check",
    "doctor": "/api/doctor",
    "bad_question": "/api/measure?kpi=leads&period=soon",
    "unknown_name": "/api/measure?kpi=cost_per_lad",
}
"""The request behind each documented answer."""

LEADS = """\
Lead ID,Created,Source,E-mail
L1,2026-01-05,email,ann@one.org
L2,2026-01-20,web,bob@one.org
L3,2026-02-03,email,cy@two.org
L4,2026-02-17,web,di@two.org
"""
SPEND = """\
Entry,Day,Channel,Cost
1,2026-01-10,email,100.00
2,2026-01-25,web,300.00
3,2026-02-20,email,120.00
"""
SOURCES = {
    "leads": """\
path: leads.csv
complete_through: 2026-02-28
tables:
  leads:
    columns: {lead_id: Lead ID, created_at: Created, channel: Source, email: E-mail}
""",
    "spend": """\
path: spend.csv
complete_through: 2026-02-28
tables:
  costs:
    columns:
      {cost_id: Entry, day: Day, channel: Channel, amount: Cost, kind: {constant: media},
       function: {constant: marketing}}
""",
}


def acme(folder: Path) -> Workspace:
    """The company of docs/python.md: four leads and three costs."""
    Workspace.init(folder)
    (folder / "leads.csv").write_text(LEADS, encoding="utf-8")
    (folder / "spend.csv").write_text(SPEND, encoding="utf-8")
    for name, text in SOURCES.items():
        (folder / "sources" / f"{name}.yml").write_text(text, encoding="utf-8")
    workspace = Workspace(folder, now=NOW, environment={})
    workspace.refresh()
    return workspace


def answers(folder: Path) -> dict[str, Any]:
    """What the interface answers to each documented request."""
    with Held(acme(folder).path, now=NOW, environment={}) as held:
        app = FastAPI()
        app.include_router(api.routes(held))
        return dict(asyncio.run(_asked(app)))


async def _asked(app: FastAPI) -> list[tuple[str, Any]]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return [(name, (await client.get(path)).json()) for name, path in ASKED.items()]


def stable(value: Any, folder: Path) -> Any:
    """An answer without what differs from place to place (paths, versions, room); of a list the first rows."""
    told = json.loads(json.dumps(value, ensure_ascii=False).replace(str(folder), "acme"))
    if isinstance(told, list):
        told = [row for row in told if row.get("kind") != "fact"] or told[:1]
        told = told[:MOST_ROWS]
    return told


def specification() -> dict[str, Any]:
    """The OpenAPI document of the paths, which needs no data behind them."""
    app = FastAPI()
    with tempfile.TemporaryDirectory() as name:
        app.include_router(api.routes(Held(Workspace.init(name).path)))
        return app.openapi()


def tables(paths: dict[str, Any]) -> str:
    """Every path with its parameters and answers, as Markdown."""
    lines: list[str] = []
    for path, operations in paths.items():
        get = operations["get"]
        lines += [f"### `GET {path}`", "", get["description"].replace("\n", " "), ""]
        parameters = get.get("parameters", [])
        if parameters:
            lines += ["| parameter | | |", "|---|---|---|"]
        for p in parameters:
            lines.append(f"| `{p['name']}` | {_kind(p)} | {p.get('description', '').replace('|', '/')} |")
        if parameters:
            lines.append("")
        codes = ", ".join(f"{code}" for code in sorted(get["responses"], key=str))
        lines += [f"Answers: {codes}.", ""]
    return "\n".join(lines)


def _kind(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    told = ["required"] if parameter.get("required") else []
    if schema.get("type") == "array":
        told.append(f"up to {schema['maxItems']} times")
    if "default" in schema and schema["default"] not in ("", None):
        told.append(f"default {schema['default']}")
    if "enum" in schema:
        told.append("one of " + ", ".join(schema["enum"]))
    if "maximum" in schema:
        told.append(f"{schema['minimum']} to {schema['maximum']:,}")
    return "; ".join(told)


def page(text: str) -> str:
    """The page with its generated part written anew."""
    begin, end = "<!-- paths -->\n", "<!-- end of paths -->"
    generated = tables(specification()["paths"])
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{generated}\n{end}", text, flags=re.DOTALL)


def main() -> None:
    """Writes the answers and the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "acme"
        for answer, value in answers(folder).items():
            told = json.dumps(stable(value, folder), ensure_ascii=False, indent=1)
            (api.EXAMPLES / f"{answer}.json").write_text(told + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
