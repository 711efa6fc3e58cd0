"""`python -m bench.readers --scale 10`: a page for 50 readers while the data is refreshed, on the demo company.

The server, the refresh and the readers are processes of their own, as in life. On a quiet machine a run takes as long
as the demo takes to make, about two minutes for the pages of one reader (--rounds 2: some seconds), half a minute, and
the refresh, in which every export is loaded anew.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx

from bench.__main__ import ROOT, environment, machine

HEADWATER = [sys.executable, "-c", "from headwater.cli import main; main(prog_name='headwater')"]
LINK = re.compile(r"http://127\.0\.0\.1:\d+/\?token=\S+")
KPIS = ("total_sales_revenue", "leads", "win_rate", "cost_per_lead", "lead_to_mql_rate")

GOALS = {"warm": 100.0, "again": 20.0, "p95": 300.0, "median": 40.0}
"""Milliseconds at most: a page made anew, the same page again, and 95 of 100 and half of the pages of the readers."""


MOST_SECONDS = 1800.0
"""A refresh that is not done by then is never done."""


@dataclass(frozen=True)
class Line:
    """One line of the table; times in milliseconds."""

    what: str
    times: Sequence[float]
    goal: str
    met: bool


@contextmanager
def serving(workspace: Path) -> Iterator[str]:
    """A server over a workspace; its link."""
    command = [*HEADWATER, "-w", str(workspace), "serve", "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        link = next((found[0] for line in process.stdout if (found := LINK.search(line))), "")
        if not link:
            raise SystemExit("the server did not start")
        try:
            yield link
        finally:
            process.terminate()
            process.communicate(timeout=60)
        if process.returncode:
            raise SystemExit(f"the server ended with {process.returncode}")


@contextmanager
def entered(link: str) -> Iterator[httpx.Client]:
    """A client that was let in."""
    with httpx.Client(base_url=link.partition("?")[0], trust_env=False, timeout=120) as client:
        client.get(link)
        client.get("/api/check")  # what a new server works out beside the pages is no part of them
        yield client


def pages(client: httpx.Client) -> list[str]:
    """The pages that readers open: those of the site, and the numbers behind them. SystemExit for one that fails."""
    wanted = ["/", "/kpi", "/data", *(f"/kpi/{kpi}" for kpi in KPIS)]
    asked = [f"/api/measure?kpi={kpi}&grain=month&period=last+12+months" for kpi in KPIS]
    timed(client, [*wanted, *asked])
    return [*wanted, *asked]


def told(answer: httpx.Response) -> str:
    """The status of an answer, and what its page or problem says."""
    text = " ".join(re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", answer.text, flags=re.S).split())
    return f"status {answer.status_code}, {text[:300]}"


def timed(client: httpx.Client, paths: Sequence[str]) -> list[float]:
    """How long each took; SystemExit for one that fails."""
    took = []
    for path in paths:
        began = time.perf_counter()
        answer = client.get(path)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {told(answer)}")
    return took


def alone(client: httpx.Client, paths: Sequence[str], rounds: int) -> Iterator[Line]:
    """Each page for one reader: made anew (a day nobody asked about), and the same once more."""
    for path in paths:
        mark = "&" if "?" in path else "?"
        days = [f"{path}{mark}as_of=2026-01-{day:02}" for day in range(1, rounds + 1)]
        first, again = timed(client, days), timed(client, days)
        yield Line(f"{path}, made anew", first, f"median {GOALS['warm']:g}", median(first) <= GOALS["warm"])
        yield Line(f"{path}, again", again, f"median {GOALS['again']:g}", median(again) <= GOALS["again"])


def change(workspace: Path) -> int:
    """Every export as if it came anew, without its last row, where a row can be told from its bytes; how many files."""
    changed = 0
    for path in sorted(p for p in workspace.rglob("*") if p.name.endswith((".csv", ".csv.gz", ".tsv"))):
        if ".headwater" in path.parts:
            continue
        packed = path.suffix == ".gz"
        text = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        kept = text.rstrip(b"\r\n").rpartition(b"\n")[0] + b"\n"
        if b"\0" in text or kept.count(b"\n") < 3 or kept.count(b'"') % 2:
            continue
        draft = path.with_name(f".{path.name}")
        draft.write_bytes(gzip.compress(kept) if packed else kept)
        draft.replace(path)
        changed += 1
    return changed


def together(
    workspace: Path, link: str, client: httpx.Client, paths: Sequence[str], readers: int, every: float, seed: int
) -> tuple[list[Line], list[str]]:
    """All readers, before, during and after a refresh that the server starts by itself; and what went wrong."""
    load = [sys.executable, "-m", "bench.load", link, *paths]
    load += ["--readers", str(readers), "--every", str(every), "--seed", str(seed)]
    with subprocess.Popen(
        load, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # they begin
        time.sleep(3 * every)
        before = state = client.get("/api/refresh").json()
        change(workspace)
        changed = time.time()
        started = finished = 0.0
        patience = time.monotonic() + MOST_SECONDS
        while not finished:
            if time.monotonic() > patience or process.poll() is not None:
                process.kill()
                raise SystemExit(f"no refresh was done: {state}")
            time.sleep(0.2)
            state = client.get("/api/refresh").json()
            if state["running"] and not started:
                started = time.time()
            if not state["running"] and state["finished_at"] != before["finished_at"]:
                finished = time.time()
        time.sleep(2 * every)
        out, _ = process.communicate("")
    if state["failed"]:
        raise SystemExit(state["failed"])
    started = started or changed
    seen: dict[str, Any] = json.loads(out.splitlines()[-1])
    meanwhile = [v["seconds"] * 1000 for v in seen["visits"] if started <= v["at"] <= finished]
    calm = [v["seconds"] * 1000 for v in seen["visits"] if v["at"] < started]
    for visit in sorted(seen["visits"], key=lambda v: -v["seconds"])[:3]:
        took, after = visit["seconds"], visit["at"] - started
        print(f"slow: {visit['path']} took {took:.1f} s, {after:.0f} s after the refresh began", file=sys.stderr)
    versions = {version for v in seen["visits"] for version in v["versions"]}
    if len(versions) < 2:
        seen["wrong"].append("the readers saw no new data version")
    what = f"{readers} readers, a page every {every:g} s"
    return [
        Line(f"{what}, no refresh", calm, f"median {GOALS['median']:g}", median(calm) <= GOALS["median"]),
        Line(
            f"{what}, during a refresh of {finished - started:.0f} s",
            meanwhile,
            f"p95 {GOALS['p95']:g}",
            ninety_five(meanwhile) <= GOALS["p95"],
        ),
    ], seen["wrong"]


def ninety_five(times: Sequence[float]) -> float:
    """What 95 of 100 do not exceed."""
    return quantiles(times, n=20, method="inclusive")[18] if len(times) > 1 else times[0]


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table."""
    rows = ["| what | n | median ms | p95 ms | most ms | goal | |", "|---|--:|--:|--:|--:|---|---|"]
    for line in lines:
        told = (median(line.times), ninety_five(line.times), max(line.times))
        figures = " | ".join(f"{ms:,.0f}" for ms in told)
        rows.append(f"| {line.what} | {len(line.times)} | {figures} | {line.goal} | {'' if line.met else 'missed'} |")
    return "\n".join(rows)


def made(place: Path, scale: float, seed: int) -> Path:
    """The demo company in a folder."""
    workspace = place / "demo"
    if not workspace.exists():
        command = [
            *HEADWATER,
            "demo",
            "--dir",
            str(workspace),
            "--scale",
            str(scale),
            "--seed",
            str(seed),
            "--no-serve",
        ]
        subprocess.run(command, check=True, env=environment())
    return workspace


def bench(workspace: Path, *, readers: int, every: float, rounds: int, seed: int) -> tuple[list[Line], list[str]]:
    """Every line, and what went wrong."""
    with serving(workspace) as link, entered(link) as client:
        paths = pages(client)
        lines = list(alone(client, paths, rounds))
        more, wrong = together(workspace, link, client, paths, readers, every, seed)
    return [*lines, *more], wrong


def main() -> None:
    """Runs the bench, prints its table, and fails where a page was wrong."""
    parser = argparse.ArgumentParser(prog="bench.readers", description="Pages for many readers during a refresh.")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("SCALE", "1.0")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "7")))
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two pages of a reader")
    parser.add_argument("--rounds", type=int, default=20, help="how often each page is opened by one reader alone")
    parser.add_argument("--workspace", type=Path, help="a workspace to use instead; it is copied")
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        if given.workspace is not None:
            shutil.copytree(given.workspace, place / "demo")
        workspace = made(place, given.scale, given.seed)
        before = machine()
        lines, wrong = bench(workspace, readers=given.readers, every=given.every, rounds=given.rounds, seed=given.seed)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    shown = f"Scale {given.scale:g}, seed {given.seed}" if given.workspace is None else "A workspace that was given"
    print(f"{shown}. At the start: {before}\nAt the end: {machine()}\n")
    print(table(lines))
    if wrong:
        raise SystemExit("\n".join(["", f"{len(wrong)} pages were wrong:", *sorted(set(wrong))[:20]]))


if __name__ == "__main__":
    main()
