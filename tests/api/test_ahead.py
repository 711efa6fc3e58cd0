"""What is begun ahead of its turn is taken in order, and undone where nobody takes it."""

from threading import Event

import pytest

from headwater.api.ahead import Ahead


def test_results_come_by_their_key_whatever_is_done_first() -> None:
    second_done = Event()

    def work(key: str, stop: Event) -> str:
        if key == "a":
            assert second_done.wait(60)
        else:
            second_done.set()
        return key.upper()

    with Ahead(work, pytest.fail, 2) as ahead:
        ahead.expect("a")
        ahead.expect("b")
        assert [ahead.take("a"), ahead.take("b"), ahead.take("unexpected")] == ["A", "B", "UNEXPECTED"]


def test_what_was_expected_twice_is_done_once() -> None:
    done: list[str] = []

    def work(key: str, stop: Event) -> str:
        done.append(key)
        return key

    with Ahead(work, pytest.fail, 2) as ahead:
        ahead.expect("a")
        ahead.expect("a")
        ahead.take("a")
    assert done == ["a"]


def test_an_error_is_raised_where_the_result_is_taken() -> None:
    def work(key: str, stop: Event) -> str:
        raise ValueError(key)

    with Ahead(work, pytest.fail, 2) as ahead:
        ahead.expect("a")
        with pytest.raises(ValueError, match="a"):
            ahead.take("a")


def test_what_nobody_took_is_stopped_or_undone() -> None:
    undone: list[str] = []
    begun = Event()

    def work(key: str, stop: Event) -> str:
        if key == "slow":
            begun.set()
            assert stop.wait(60)
            raise InterruptedError
        return key

    with pytest.raises(KeyboardInterrupt), Ahead(work, undone.append, 2) as ahead:
        ahead.expect("quick")
        ahead.expect("slow")
        assert ahead.take("other") == "other"
        assert begun.wait(60)
        raise KeyboardInterrupt
    assert undone == ["quick"]
