"""`python -m bench --scale 0.1`: builds a seeded estate, checks what it answers, and prints what everything costs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took: of the counted part (`cpu`, `wall`), in all (`whole`), and at most in memory (MiB)."""

    told: dict[str, Any]
    cpu: float
    wall: float
    whole: float
    peak: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    cpu: float
    wall: float
    peak: float
    floor: float | None
    note: str = ""


def environment() -> dict[str, str]:
    """The environment in which this checkout's program runs."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}


def run(arguments: list[str]) -> Run:
    """A fresh process to its end. Raises SystemExit when it fails."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed")
    lines = text.splitlines()
    told = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    whole = usage.ru_utime + usage.ru_stime
    peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return Run(told, told.get("cpu", whole), told.get("wall", 0.0), whole, peak)


def process(place: Path, scale: float, seed: int) -> Callable[[str], Run]:
    """Runs a step of the bench in a fresh process."""
    settings = [str(place), "--scale", str(scale), "--seed", str(seed)]
    return lambda name: run(["-m", "bench.steps", name, *settings])


def bench(place: Path, step: Callable[[str], Run], rounds: int) -> list[Line]:
    """Every line of the table. Raises SystemExit with the cells that differ where the dashboard is wrong."""
    made = step("estate")
    lines = [line("estate landed (not a part of Headwater)", [made], None, f"{mib(made)} MiB")]
    step("file")
    parsed = step("parse")
    if parsed.told["wrong"]:
        raise SystemExit("\n".join(["rows were set aside otherwise than they had to be:", *parsed.told["wrong"][:20]]))
    speed = parsed.told["rows"] / max(parsed.wall, 1e-9)
    bad = f"{parsed.told['bad']:,} bad ones of 12 kinds set aside exactly"
    file = f"{parsed.told['rows']:,} rows, {mib(parsed)} MiB of text, {speed:,.0f} rows a second; {bad}"
    lines.append(line("one text file parsed and landed", [parsed], None, file))
    looked = step("inspect")
    lines.append(
        line("one large text file looked at", [looked], None, f"{mib(looked)} MiB, some {looked.told['rows']:,} rows")
    )
    built = step("build")
    checked = step("check")
    if checked.told["wrong"]:
        raise SystemExit("\n".join(["the dashboard is wrong:", *checked.told["wrong"]]))
    rounds_of: dict[str, list[Run]] = {"floor": [], "native": [], "dashboard": []}
    step("floor")  # the files are in memory from here on
    step("native")
    for _ in range(rounds):
        for name, runs in rounds_of.items():
            runs.append(step(name))
    floor = median(r.cpu for r in rounds_of["floor"])
    rows = f"{built.told['rows']:,} rows, {mib(built)} MiB in {built.told['parts']} files"
    lines.append(line("full build", [built], floor, rows))
    day = step("new_day")
    lines.append(line("one new day", [day], floor, f"{day.told['parts']} files"))
    lines.append(line("floor F: needed columns read once, locked", rounds_of["floor"], floor))
    lines.append(line("the same in a native file", rounds_of["native"], floor, f"{mib(rounds_of['native'][0])} MiB"))
    cells = f"{checked.told['cells']} numbers, all equal to plain queries"
    lines.append(line("20 KPIs by month and by channel, cold", rounds_of["dashboard"], floor, cells))
    planned = step("planning")
    times = {name: f"{planned.told[name] * 1000:.1f} ms" for name in ("first", "anew")}
    times |= {"other": f"{planned.cpu * 1000:.1f} ms", "again": f"{planned.told['again'] * 1000:.2f} ms"}
    note = f"{times['first']} the first time in a process, {times['other']} for another day, {times['again']} again"
    note += f"; {times['anew']} the first time of all"
    lines.append(line("of these: planned and spelled", [planned], floor, note))
    small = step("small")
    lines.append(line("full build of a small workspace", [small], None))
    start = ["-c", "from headwater.cli import main; main()"]
    asked = ["-w", str(place / "small"), "measure", "bench_leads", "--period", "2025-12"]
    lines.append(line("headwater --help", [run([*start, "--help"]) for _ in range(rounds)], None))
    lines.append(line("first KPI of a process", [run([*start, *asked]) for _ in range(rounds)], None))
    return lines


def line(what: str, runs: list[Run], floor: float | None, note: str = "") -> Line:
    """The median of runs."""
    cpu, wall, peak = (median(getattr(r, name) for r in runs) for name in ("cpu", "wall", "peak"))
    return Line(what, cpu, wall, peak, cpu / floor if floor else None, note)


def mib(of: Run) -> str:
    """The size a step told."""
    return f"{of.told['bytes'] / 2**20:,.0f}"


def table(lines: list[Line]) -> str:
    """The lines as a Markdown table."""
    rows = ["| what | CPU s | x F | wall s | peak MiB | |", "|---|--:|--:|--:|--:|---|"]
    for one in lines:
        ratio = "" if one.floor is None else f"{one.floor:,.2f}" if one.floor < 10 else f"{one.floor:,.0f}"
        wall = f"{one.wall:.2f}" if one.wall else ""
        rows.append(f"| {one.what} | {one.cpu:.2f} | {ratio} | {wall} | {one.peak:,.0f} | {one.note} |")
    return "\n".join(rows)


def machine() -> str:
    """What this ran on, in a sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}; load average {load}."


def _told(step: Callable[[str], Run]) -> Callable[[str], Run]:
    def telling(name: str) -> Run:
        print(f"  {name} ...", file=sys.stderr)
        return step(name)

    return telling


def main() -> None:
    """Runs the bench and prints its table."""
    parser = argparse.ArgumentParser(prog="bench", description="Speed, held against the floor.")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("SCALE", "1.0")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "7")))
    parser.add_argument("--rounds", type=int, default=5, help="interleaved runs of the dashboard and the floor")
    parser.add_argument(
        "--pages", action=argparse.BooleanOptionalAction, default=True, help="the pages of the demo too"
    )
    parser.add_argument("--place", type=Path, help="a folder to work in that is kept (default: one that is removed)")
    given = parser.parse_args()
    place = given.place or Path(tempfile.mkdtemp(prefix="bench-"))
    place.mkdir(parents=True, exist_ok=True)
    before = machine()
    try:
        lines = bench(place, _told(process(place, given.scale, given.seed)), given.rounds)
    finally:
        if given.place is None:
            shutil.rmtree(place, ignore_errors=True)
    print(f"Scale {given.scale:g} ({20 * given.scale:g} million events), seed {given.seed}. At the start: {before}")
    print(f"At the end: {machine()}\n")
    print(table(lines))
    if given.pages:
        floor = next(one.cpu for one in lines if one.floor and one.what.startswith("floor F"))
        print()
        sys.stdout.flush()
        settings = ["--scale", str(given.scale), "--seed", str(given.seed), "--floor", str(floor)]
        subprocess.run([sys.executable, "-m", "bench.pages", *settings], check=True, env=environment(), cwd=ROOT)


if __name__ == "__main__":
    main()
