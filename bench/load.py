"""Simulated readers, in a process of their own: `python -m bench.load LINK --readers 50` until its input ends.

Each reader opens a page every so many seconds, whatever the last one took, and checks what it gets: the status, that
all numbers of an answer are of one data version, and that no reader ever goes back to an older one. The last line it
prints is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import httpx

VERSION = re.compile(r'"data": ?"([0-9a-f]+)"|[Dd]ata version ([0-9a-f]{8,})')
"""Where an answer of the API and a page say which data version they were made from."""

TITLE = re.compile(r"<title>([^<]*)</title>")


@dataclass(frozen=True)
class Visit:
    """One page that was opened: when, how long it took, and what was seen."""

    path: str
    at: float
    seconds: float
    status: int
    versions: tuple[str, ...]


@dataclass
class Seen:
    """What all readers saw together."""

    visits: list[Visit] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


async def read(
    seen: Seen, link: str, paths: Sequence[str], every: float, chance: random.Random, entered: asyncio.Barrier
) -> None:
    """One reader, until cancelled; all begin when all were let in."""
    base = link.partition("?")[0]
    order: list[str] = []
    limits = httpx.Limits(max_connections=2)
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60, limits=limits) as client:
        await client.get(link)
        await entered.wait()
        due = time.monotonic() + chance.uniform(0, every)
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += every
            await visit(seen, client, chance.choice(paths), order)


async def visit(seen: Seen, client: httpx.AsyncClient, path: str, order: list[str]) -> None:
    """Opens one page and keeps what came of it; `order` holds the data versions of this reader as they came."""
    began = time.monotonic()
    try:
        answer = await client.get(path)
    except httpx.HTTPError as error:
        seen.wrong.append(f"{path}: {type(error).__name__}")
        return
    took = time.monotonic() - began
    versions = tuple(dict.fromkeys(a or b for a, b in VERSION.findall(answer.text)))
    seen.visits.append(Visit(path, time.time() - took, took, answer.status_code, versions))
    if answer.status_code != 200:
        title = TITLE.search(answer.text)
        seen.wrong.append(f"{path}: status {answer.status_code}, {title[1] if title else answer.text[:200]}")
    if len(versions) > 1:
        seen.wrong.append(f"{path}: numbers of the data versions {', '.join(versions)} on one page")
    for version in versions:
        if version in order[:-1]:
            seen.wrong.append(f"{path}: back to the data version {version}")
        if version not in order:
            order.append(version)


async def run(link: str, paths: Sequence[str], readers: int, every: float, seed: int) -> Seen:
    """All readers, until the input ends; a line says when they begin."""
    seen, entered = Seen(), asyncio.Barrier(readers + 1)
    tasks = [
        asyncio.create_task(read(seen, link, paths, every, random.Random(f"{seed}-{n}"), entered))
        for n in range(readers)
    ]
    begins = asyncio.create_task(entered.wait())
    await asyncio.wait([begins, *tasks], return_when=asyncio.FIRST_COMPLETED)
    print("reading", flush=True)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    done, _ = await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done - {ended}:
        task.result()  # a reader that ended by itself met a fault
    return seen


def main() -> None:
    """Reads until told to stop, and prints what was seen."""
    parser = argparse.ArgumentParser(prog="bench.load", description="Simulated readers.")
    parser.add_argument("link")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--every", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    seen = asyncio.run(run(given.link, given.paths, given.readers, given.every, given.seed))
    print(json.dumps(asdict(seen)))


if __name__ == "__main__":
    main()
