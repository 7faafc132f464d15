"""The answer cache: a model's answer is kept under what was asked (docs/architecture.md, the third idea).

It is the resume after a kill and the carrying forward of users for whom nothing changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from lake.delta import tables, writing
from lake.store.location import Lake
from model_steps.engine.asking import Answer, Counts, Model, Request
from model_steps.engine.untuned import Untuned
from schemas import answers


class AnswerCache:
    """Answers from the lake where there are any, else from the model, which is not started before it is needed.

    Answers of a chunk of users are kept when the whole chunk is done, not before: a killed chunk is asked again
    whole, from a cold prefix cache, and so ends in the same answers.

    Args:
        release: name of what answers.
        engine: what else decides about answers, such as the number format.
        start: gives the model when the first answer is missing.
        untuned: which answers the release shares with others; none: none.
    """

    def __init__(
        self,
        lake: Lake,
        users: Sequence[str],
        day: str,
        release: str,
        engine: str,
        start: Callable[[], Model],
        untuned: Untuned | None = None,
    ) -> None:
        self._lake, self._day, self._release, self._engine, self._start = lake, day, release, engine, start
        self._untuned = untuned
        self._model: Model | None = None
        self._cold = True
        self._fresh: list[tuple[str, Request, Answer]] = []
        self.counts = Counts()
        self.asked_users: set[str] = set()
        columns = ["key", "user_id", "text", "prompt_tokens", "output_tokens"]
        makers = [release, *(untuned.names if untuned else ())]
        filters = [("release", "in", makers), ("user_id", "in", list(users))]
        kept = tables.read(lake, answers.TABLE, columns=columns, filters=filters).to_pylist() if users else []
        self._kept = {
            (row["key"], row["user_id"]): Answer(row["text"], row["prompt_tokens"], 0, row["output_tokens"])
            for row in kept
        }

    def begin_chunk(self) -> None:
        """From here on the model must not profit from earlier chunks."""
        self._cold = True

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        """Answers in the order of the requests.

        Raises:
            InfrastructureError: the engine failed.
        """
        keys = [request.key(self._maker(request), self._engine) for request in requests]
        found = [self._kept.get((key, request.user_id)) for key, request in zip(keys, requests, strict=True)]
        due = [number for number, answer in enumerate(found) if answer is None]
        said = iter(self._ask_model([requests[number] for number in due]))
        answered = []
        for key, request, answer in zip(keys, requests, found, strict=True):
            if answer is not None:
                self.counts.of(request.role).cached_answers += 1
            else:
                answer = next(said)
                self.counts.of(request.role).add(answer)
                self.asked_users.add(request.user_id)
                self._kept[(key, request.user_id)] = answer
                self._fresh.append((key, request, answer))
            answered.append(answer)
        return answered

    def _maker(self, request: Request) -> str:
        return self._release if self._untuned is None else self._untuned.maker(request, self._release)

    def _ask_model(self, requests: Sequence[Request]) -> list[Answer]:
        if not requests:
            return []
        if self._model is None:
            self._model = self._start()
        if self._cold:
            self._model.reset_prefix_cache()
            self._cold = False
        return self._model.generate(requests)

    def end_chunk(self) -> int:
        """Keep what the model said since the last call; returns the number of answers."""
        rows = [
            {
                "key": key,
                "user_id": request.user_id,
                "role": request.role,
                "release": self._maker(request),
                "text": answer.text,
                "prompt_tokens": answer.prompt_tokens,
                "output_tokens": answer.output_tokens,
                "day": self._day,
            }
            for key, request, answer in self._fresh
        ]
        self._fresh.clear()
        return writing.insert_new(self._lake, answers.TABLE, pa.Table.from_pylist(rows, answers.TABLE.schema))
