"""Requests wait until there is room for their prompts: whatever their number, few are held at a time."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence

import pytest

from model_steps.engine.bounded_queue import run_bounded

MANY = 10_000


class CountingEngine:
    """Builds a prompt of a request's size, finishes some prompts a step, never in their order, and counts.

    A request is its size in bytes.
    """

    def __init__(self, requests: Sequence[int], bound: int, finishes: int = 8) -> None:
        self.requests, self.bound = requests, bound
        self.prompts: dict[int, bytes] = {}
        self.submitted: list[int] = []
        self.finished: list[int] = []
        self.steps = self.held = self.most_held = self.most_prompts = 0
        self.idle_room = 0
        self._finishes = finishes
        self._chance = random.Random(3)

    def submit(self, number: int, request: int) -> None:
        assert request == self.requests[number]
        self.prompts[number] = bytes(request)
        self.submitted.append(number)
        self.held += request
        self.most_held = max(self.most_held, self.held)
        self.most_prompts = max(self.most_prompts, len(self.prompts))

    def step(self) -> list[tuple[int, str]]:
        assert self.prompts, "a step without anything to do"
        self.steps += 1
        waiting = len(self.submitted)
        if waiting < len(self.requests) and self.held + self.requests[waiting] <= self.bound:
            self.idle_room += 1
        # Now and then nothing is finished.
        some = min(self._chance.randrange(self._finishes + 1), len(self.prompts))
        done = self._chance.sample(sorted(self.prompts), some)
        for number in done:
            self.held -= len(self.prompts.pop(number))
        self.finished += done
        return [(number, f"{number}: {self.requests[number]}") for number in done]

    def answers(self) -> list[str]:
        return run_bounded(self.requests, lambda size: size, self.submit, self.step, self.bound)

    def wanted(self) -> list[str]:
        return [f"{number}: {size}" for number, size in enumerate(self.requests)]


@pytest.fixture(scope="module")
def sizes() -> list[int]:
    """Bytes of many prompts, 160 MB together."""
    chance = random.Random(1)
    return [chance.randint(1, 32_768) for _ in range(MANY)]


@pytest.mark.parametrize("bound", [32_768, 2**20])
def test_the_bytes_held_never_exceed_the_bound(sizes: list[int], bound: int) -> None:
    engine = CountingEngine(sizes, bound)
    assert engine.answers() == engine.wanted()
    assert engine.most_held <= bound
    assert engine.submitted == list(range(MANY))
    assert engine.finished != engine.submitted
    assert sorted(engine.finished) == engine.submitted


def test_the_room_there_is_gets_used(sizes: list[int]) -> None:
    engine = CountingEngine(sizes, 2**20)
    engine.answers()
    assert engine.idle_room == 0
    assert engine.most_held > 2**20 - max(sizes)
    assert engine.most_prompts > 30


def test_prompts_are_built_when_there_is_room_and_no_earlier() -> None:
    engine = CountingEngine([1_000] * MANY, bound=10_500, finishes=3)
    assert engine.answers() == engine.wanted()
    assert engine.most_prompts == 10


def test_memory_stays_bounded_whatever_the_number_of_requests(sizes: list[int]) -> None:
    bound = 2**20

    def peak(of_bound: int) -> int:
        engine = CountingEngine(sizes, of_bound)
        tracemalloc.start()
        try:
            engine.answers()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # Answers and numbers take some, too; prompts that are all built at once would take all.
    assert peak(bound) < bound + 4 * 2**20
    assert peak(sum(sizes)) > sum(sizes) > 100 * 2**20


@pytest.mark.parametrize(
    ("requests", "together"),
    [
        ([3, 50, 3, 3, 3, 3], 3),
        ([50, 3], 1),
        ([3, 50], 1),
        ([50, 60, 70], 1),
        ([10, 11, 10], 1),
    ],
)
def test_a_request_that_is_too_large_goes_alone(requests: list[int], together: int) -> None:
    class Watching(CountingEngine):
        def submit(self, number: int, request: int) -> None:
            super().submit(number, request)
            assert len(self.prompts) == 1 or self.held <= self.bound

    engine = Watching(requests, bound=10, finishes=1)
    assert engine.answers() == engine.wanted()
    assert engine.most_prompts == together
    assert engine.most_held == max(*requests, min(10, 3 * together))


def test_a_request_of_exactly_the_bound_is_not_too_large() -> None:
    engine = CountingEngine([4, 6, 10, 5, 5], bound=10)
    assert engine.answers() == engine.wanted()
    assert engine.most_held == 10
    assert engine.idle_room == 0


def test_nothing_asked_is_answered_without_the_engine() -> None:
    engine = CountingEngine([], bound=10)
    assert engine.answers() == []
    assert engine.steps == 0


def test_what_the_engine_raises_is_not_swallowed() -> None:
    def step() -> list[tuple[int, str]]:
        raise RuntimeError("out of memory")

    submitted: list[int] = []
    with pytest.raises(RuntimeError, match="out of memory"):
        run_bounded([1] * 50, lambda size: size, lambda number, _: submitted.append(number), step, 10)
    assert submitted == list(range(10))
