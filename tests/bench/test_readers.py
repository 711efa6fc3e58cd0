"""The bench of readers: what it calls wrong, what it changes, and the whole of it at a tiny size."""

import asyncio
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from bench import load, readers
from bench.load import Seen
from tests.sources import HEAD, refreshed


def opened(*answers: httpx.Response) -> Seen:
    """What one reader saw who got these answers in turn."""
    seen, order, left = Seen(), [], list(answers)

    async def read() -> None:
        transport = httpx.MockTransport(lambda _: left.pop(0))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for n in range(len(answers)):
                await load.visit(seen, client, f"/{n}", order)

    asyncio.run(read())
    return seen


def page(*versions: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, text="".join(f'{{"data": "{v}"}}' for v in versions))


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        ([page("a1"), page("a1", "a1"), page("b2"), page("b2"), page()], []),
        ([page("a1", "b2")], ["/0: numbers of the data versions a1, b2 on one page"]),
        ([page("a1"), page("b2"), page("a1")], ["/2: back to the data version a1"]),
        ([page("a1", status=500)], ['/0: status 500, {"data": "a1"}']),
    ],
)
def test_what_a_reader_must_not_see(answers: list[httpx.Response], wrong: list[str]) -> None:
    seen = opened(*answers)
    assert seen.wrong == wrong
    assert len(seen.visits) == len(answers)


def test_a_page_names_its_data_version() -> None:
    text = "<footer><span>Data version 493da818fce07e32</span></footer>"
    assert opened(httpx.Response(200, text=text)).visits[0].versions == ("493da818fce07e32",)


def test_a_connection_that_breaks_is_wrong() -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut")

    seen = Seen()

    async def read() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(broken), base_url="http://127.0.0.1") as client:
            await load.visit(seen, client, "/", [])

    asyncio.run(read())
    assert seen.wrong == ["/: ReadError"]


def test_exports_that_come_anew_lack_their_last_row(tmp_path: Path) -> None:
    write: dict[str, Callable[[Path], object]] = {
        "plain.csv": lambda p: p.write_bytes(b"a,b\n1,2\n3,4\n5,6"),
        "packed.csv.gz": lambda p: p.write_bytes(gzip.compress(b"a,b\n1,2\n3,4\n5,6\n")),
        "short.csv": lambda p: p.write_bytes(b"a,b\n1,2\n"),
        "wide.csv": lambda p: p.write_bytes("a,b\n1,2\n3,4\n5,6\n".encode("utf-16-le")),
        "quoted.csv": lambda p: p.write_bytes(b'a,b\n1,2\n3,4\n5,"6\n7"\n'),
    }
    for name, made in write.items():
        made(tmp_path / name)
    before = {name: (tmp_path / name).read_bytes() for name in write}
    assert readers.change(tmp_path) == 2
    assert (tmp_path / "plain.csv").read_bytes() == b"a,b\n1,2\n3,4\n"
    assert gzip.decompress((tmp_path / "packed.csv.gz").read_bytes()) == b"a,b\n1,2\n3,4\n"
    assert all((tmp_path / name).read_bytes() == before[name] for name in ("short.csv", "wide.csv", "quoted.csv"))


def test_ninety_five_of_a_hundred() -> None:
    times = [float(n) for n in range(1, 101)]
    random.Random(7).shuffle(times)
    assert 95 <= readers.ninety_five(times) <= 96
    assert readers.ninety_five([7.0]) == 7.0


@pytest.mark.verify
@pytest.mark.timeout(900)  # a busy machine takes its time
def test_the_whole_bench_runs(tmp_path: Path) -> None:
    """Three readers of two pages while a file comes anew: every line is there, and nobody saw anything wrong."""
    rows = "".join(f"L{n},2025-01-{1 + n % 28:02},email,a{n}@one.org\n" for n in range(50))
    workspace = refreshed(tmp_path, {"leads-1.csv": HEAD + rows}, "full")
    lines, wrong = readers.bench(workspace.path, readers=3, every=0.5, rounds=1, seed=7)
    assert wrong == []
    told = readers.table(lines)
    assert "| /data, made anew | 1 |" in told
    assert "3 readers, a page every 0.5 s, during a refresh" in told
