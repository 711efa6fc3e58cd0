"""Answers kept within a number of bytes, and made once for many threads."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier, Event

import pytest

from headwater.api.answers import Answers, weight
from headwater.errors import StoppedError


def test_a_value_is_made_once() -> None:
    made: list[str] = []
    answers = Answers(10_000)
    assert [answers.get("k", lambda: made.append("x") or "v") for _ in range(3)] == ["v", "v", "v"]
    assert made == ["x"]


def test_beyond_the_limit_the_one_longest_unused_goes() -> None:
    answers = Answers(3 * (weight("a" * 1000) + weight("k1")))
    for name in ("k1", "k2", "k3"):
        answers.get(name, lambda: bytes(1016).decode())
    answers.get("k1", str)
    answers.get("k4", lambda: "b" * 1000)
    made: list[str] = []
    for name in ("k1", "k3", "k4", "k2"):
        answers.get(name, lambda name=name: made.append(name) or "c")
    assert made == ["k2"]


def test_a_value_that_does_not_last_is_made_each_time() -> None:
    answers, made = Answers(10_000), []
    for _ in range(2):
        answers.get("k", lambda: made.append(1), lasting=lambda _: False)
    assert (made, len(answers)) == ([1, 1], 0)


def test_what_is_larger_than_all_room_is_answered_and_not_kept() -> None:
    answers = Answers(100)
    assert len(answers.get("k", lambda: "a" * 1000)) == 1000
    assert (len(answers), answers.bytes) == (0, 0)


def test_the_bytes_are_those_of_what_is_kept() -> None:
    answers = Answers(20_000)
    for i in range(300):
        answers.get(i, lambda i=i: [f"{i}-{n}" for n in range(i)])
        assert answers.bytes <= 20_000
    answers.keep_only(lambda key: key == 299)
    answers.keep_only(lambda key: False)
    assert (len(answers), answers.bytes) == (0, 0)


def test_many_threads_that_want_one_value_make_it_once() -> None:
    answers, made, together = Answers(10_000), [], Barrier(8)

    def ask(_: int) -> object:
        together.wait()
        return answers.get("k", lambda: made.append(1) or object())

    with ThreadPoolExecutor(8) as pool:
        assert len({id(v) for v in pool.map(ask, range(8))}) == 1
    assert made == [1]


def test_a_value_that_one_thread_failed_to_make_is_made_by_another() -> None:
    answers, begun, go_on = Answers(10_000), Event(), Event()

    def fail() -> str:
        begun.set()
        go_on.wait()
        raise StoppedError

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(answers.get, "k", fail)
        begun.wait()
        second = pool.submit(answers.get, "k", lambda: "v")
        go_on.set()
        assert second.result() == "v"
        with pytest.raises(StoppedError):
            first.result()


def test_nobody_waits_beyond_their_time() -> None:
    answers, begun, go_on = Answers(10_000), Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(answers.get, "k", lambda: begun.set() or go_on.wait())
        begun.wait()
        with pytest.raises(StoppedError):
            answers.get("k", lambda: True, until=0.0)
        go_on.set()
        assert slow.result() is True


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    numbers: tuple[float, ...]


def test_a_weight_is_near_the_memory_that_is_taken() -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        value = tuple(Cell("t" * (i % 50) + str(i), (i + 0.5, i + 0.25)) for i in range(5000))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.7 * taken <= weight(value) <= 1.5 * taken


def test_what_is_shared_weighs_once() -> None:
    text = "a" * 10_000
    assert weight([text] * 20) < 2 * weight(text)
