"""Asking in chunks of users, each kept when it is done, so that a killed exam goes on; and what that cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

from model_steps.agents.population import chunks_of
from model_steps.engine.asking import Answer, Counts, Request
from runtime.progress import Progress


class KeepsAnswers(Protocol):
    """What answers and keeps answers chunk by chunk (``AnswerCache``)."""

    counts: Counts

    def begin_chunk(self) -> None: ...

    def ask(self, requests: Sequence[Request]) -> list[Answer]: ...

    def end_chunk(self) -> int: ...


@dataclass
class Spent:
    """What the model's answers took; those that were kept before cost nothing.

    Args:
        questions: answered by the model. computed_tokens: of their prompts, without what was cached.
        seconds: without the engine's start.
    """

    questions: int = 0
    computed_tokens: int = 0
    seconds: float = 0.0


class AskedInChunks:
    """An ``Ask`` that hands over requests in chunks of users, from a cold prefix cache each.

    Args:
        answers: where they come from.
        users: a chunk.
        starting: seconds that the engine's start took so far; no part of what judging costs.
    """

    def __init__(
        self,
        answers: KeepsAnswers,
        users: int,
        starting: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answers, self._users, self._starting, self._clock = answers, users, starting, clock
        self._progress: Progress | None = None
        self.spent: dict[str, Spent] = {}

    def expect(self, questions: int) -> None:
        """Say how many questions there will be, for the log."""
        self._progress = Progress(questions, "questions", every_seconds=20)

    def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        """Answers in the order of the requests; those of one user follow one another.

        Raises:
            InfrastructureError: the engine failed; the chunks before are kept.
        """
        found: list[Answer] = []
        for chunk in chunks(requests, self._users):
            begun, started = self._clock(), self._starting()
            before = self._of_role(chunk)
            self._answers.begin_chunk()
            found += self._answers.ask(chunk)
            took = self._clock() - begun - (self._starting() - started)
            for role, (questions, computed) in self._of_role(chunk).items():
                spent = self.spent.setdefault(role, Spent())
                fresh = questions - before[role][0]
                spent.questions += fresh
                spent.computed_tokens += computed - before[role][1]
                # A chunk is of one role, but for a chunk whose answers were all kept.
                spent.seconds += took if fresh else 0.0
            self._answers.end_chunk()
            if self._progress:
                self._progress.advance(len(chunk), chunk[0].role)
        return found

    def _of_role(self, chunk: Sequence[Request]) -> dict[str, tuple[int, int]]:
        counts = {role: self._answers.counts.of(role) for role in {one.role for one in chunk}}
        return {role: (one.calls, one.computed_tokens) for role, one in counts.items()}


def chunks(requests: Sequence[Request], users: int) -> list[list[Request]]:
    """Requests in chunks of so many users that follow one another."""
    by_user = [list(own) for _, own in groupby(requests, lambda one: one.user_id)]
    return [[one for own in chunk for one in own] for chunk in chunks_of(by_user, users)]


def cost(spent: Mapping[str, Spent], roles: Mapping[str, str], questions: Mapping[str, int]) -> dict[str, Any]:
    """By judge, what a judgement costs, of those whose answers were not kept before.

    Args:
        roles: of each judge. questions: that it asks of an output.

    Returns:
        ``questions``, ``computed_tokens`` and ``seconds`` a judgement, the latter two None where none was measured;
        ``measured``: how many judgements that is of.
    """
    found = {}
    for name, role in roles.items():
        own = spent.get(role, Spent())
        judgements = own.questions / questions[name] if questions[name] else 0.0
        found[name] = {
            "questions": questions[name],
            "computed_tokens": round(own.computed_tokens / judgements, 1) if judgements else None,
            "seconds": round(own.seconds / judgements, 5) if judgements else None,
            "measured": int(judgements),
        }
    return found
