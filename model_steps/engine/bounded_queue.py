"""Hand requests to an engine only as fast as memory allows: a prompt is built when there is room for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


def run_bounded(
    requests: Sequence[Asked],
    size_of: Callable[[Asked], int],
    submit: Callable[[int, Asked], None],
    step: Callable[[], Iterable[tuple[int, Answered]]],
    bound: int,
) -> list[Answered]:
    """Answers in the order of the requests.

    Args:
        size_of: bytes that a request holds from its submission to its answer. bound: most bytes at a time; a single
            request that exceeds it goes alone.
        submit: builds a request's prompt and hands it over, under its number.
        step: lets the engine work, and gives what it finished, by number.
    """
    sizes = [size_of(request) for request in requests]
    answers: dict[int, Answered] = {}
    held = following = 0
    while len(answers) < len(requests):
        while following < len(requests) and (not held or held + sizes[following] <= bound):
            submit(following, requests[following])
            held += sizes[following]
            following += 1
        for number, answer in step():
            answers[number] = answer
            held -= sizes[number]
    return [answers[number] for number in range(len(requests))]
