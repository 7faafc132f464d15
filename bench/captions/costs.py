"""What asking for captions cost, by role: tokens of all answers, and the engine's seconds of those it was asked for.

Kept answers say nothing of seconds, so what a chunk took is kept when it is asked, and read when it is not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from lake.store import objects
from lake.store.location import Lake
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.asking import Answer, Model, Request
from model_steps.engine.drawing import text_of
from model_steps.engine.start import StartsModel
from model_steps.explaining import prompt_files
from runtime.fingerprint import digest

FOLDER = "_captions"


class OneEngine:
    """An engine for all that ask the same model: started when the first answer is missing, and closed once."""

    def __init__(self, start: StartsModel) -> None:
        self._start = start
        self._model: Any = None

    def __call__(self) -> Model:
        if self._model is None:
            self._model = self._start(None)
        model: Model = self._model
        return model

    @property
    def seconds(self) -> float:
        """That starting took so far."""
        return self._start.seconds

    def close(self) -> None:
        """Give the memory back, where one was started."""
        if self._model is not None:
            self._model.close()
        self._model = None


@dataclass(frozen=True)
class Cost:
    """What one role was asked, kept answers among it.

    Args:
        timed: answers that the engine gave in ``seconds``: of waves of which nothing was kept.
    """

    answers: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    timed: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))


class Recorder:
    """Asks for a chunk, and remembers the first caption of each of its users and what each role cost."""

    def __init__(self, cache: AnswerCache, engine: OneEngine) -> None:
        self._cache, self._engine = cache, engine
        self.first: dict[str, str] = {}
        self.costs: dict[str, Cost] = {}

    def begin_chunk(self) -> None:
        """Forget the last chunk."""
        self._cache.begin_chunk()
        self.first.clear()
        self.costs.clear()

    def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        if not requests:
            return []
        calls, starting, began = self.calls, self._engine.seconds, time.monotonic()
        answers = self._cache.ask(requests)
        seconds = time.monotonic() - began - (self._engine.seconds - starting)
        # A wave is of one role; one that is kept in part says nothing of the engine's time.
        whole = self.calls - calls == len(requests)
        role = requests[0].role
        self.costs[role] = self.costs.get(role, Cost()) + Cost(
            len(answers),
            sum(answer.prompt_tokens for answer in answers),
            sum(answer.output_tokens for answer in answers),
            len(answers) if whole else 0,
            seconds if whole else 0.0,
        )
        for request, answer in zip(requests, answers, strict=True):
            if request.attempt == 0 and role != prompt_files.STYLIST:
                self.first[request.user_id] = text_of(request, answer)
        return answers

    @property
    def calls(self) -> int:
        return self._cache.counts.total("calls")


class Ledger:
    """The costs of a way in one form, chunk by chunk.

    Args:
        work: keeps the seconds. asked: all that names the asking but the form, which a style does not depend on.
    """

    def __init__(self, work: Lake, asked: Mapping[str, Any], form: str) -> None:
        self._work, self._asked, self._form = work, asked, form
        self.roles: dict[str, Cost] = {}

    def enter(self, chunk: Sequence[Sequence[str]], costs: Mapping[str, Cost]) -> None:
        """Add a chunk: what it took now, or where nothing was asked what it took then.

        Args:
            chunk: who was asked about what. costs: by role.
        """
        for role, cost in costs.items():
            form = "" if role == prompt_files.STYLIST else self._form
            path = f"{FOLDER}/{digest([self._asked, form, role, chunk])}.json"
            if cost.timed:
                objects.put(self._work, path, {"timed": cost.timed, "seconds": cost.seconds})
            elif kept := objects.get(self._work, path):
                cost += Cost(timed=kept["timed"], seconds=kept["seconds"])
            self.roles[role] = self.roles.get(role, Cost()) + cost

    def figures(self, captions: int) -> dict[str, Any]:
        """Means over the captions that were wanted, with all their tries and their share of the styles.

        Seconds are None where those of a role are not known.
        """
        roles = self.roles.values()
        known = captions and self.roles and all(cost.timed for cost in roles)
        seconds = sum(cost.answers * cost.seconds / cost.timed for cost in roles) if known else 0.0
        return {
            "seconds_per_caption": round(seconds / captions, 3) if known else None,
            "prompt_tokens_per_caption": _mean(sum(cost.prompt_tokens for cost in roles), captions),
            "output_tokens_per_caption": _mean(sum(cost.output_tokens for cost in roles), captions),
            "answers": {role: cost.answers for role, cost in sorted(self.roles.items())},
            "timed_answers": {role: cost.timed for role, cost in sorted(self.roles.items())},
        }


def _mean(total: int, count: int) -> float | None:
    return round(total / count, 1) if count else None
