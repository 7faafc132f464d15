"""Planner, experts, arbiter and explainer of a shard, chunk by chunk, on one engine and one answer cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from model_steps.agents import flows, inputs, population, rows
from model_steps.agents.hmas import User
from model_steps.agents.outputs import Outputs
from model_steps.embedding.slots import read_slots
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.cache_capacity import tokens_that_fit
from model_steps.engine.chat import Chat
from model_steps.engine.start import StartsModel
from model_steps.engine.vllm_engine import engine_name
from model_steps.explaining.explained_shard import Day, ExplainedShard, explain_shard, owners_of
from model_steps.inferring.work import Work
from model_steps.serving.sides import served_by
from runtime.fingerprint import code_of

ENGINE = "model_steps.engine.vllm_engine"


class Agents:
    """Planner, experts and arbiter ready for the users of a shard, chunk by chunk.

    Args:
        start: gives the model when the first answer is missing.
    """

    def __init__(self, work: Work, start: StartsModel) -> None:
        settings = work.settings
        people = inputs.read_contexts(work.lake, work.day, work.users) if work.users else []
        entities = inputs.read_entities(work.lake, people) if people else {}
        slots = read_slots(work.lake, work.adaptor, sorted(entities)) if work.adaptor else None
        # Answers are kept by what was asked, by what answers, and by the code that asks the engine.
        engine = f"{engine_name(settings.engine)}/{code_of(ENGINE).digest}"
        self._work, self._start = work, start
        owners = owners_of(work.users, settings.explanations)
        self.cache = AnswerCache(
            work.lake, owners, work.day, work.release.name, engine, partial(start, slots), work.untuned
        )
        self.chat = chat = Chat(settings.engine.model)
        of_day = (work.lake, work.day, settings, self.cache.ask, chat)
        if settings.inference.asking == "ranked":
            self._flow = flows.ranked(*of_day, work.categories, people, work.experts.calibration)
        else:
            self._flow = flows.written(*of_day, work.embedder, work.categories)
        self.prepared = inputs.prepare(people, entities, chat.count, self._flow.history_tokens, work.form.name)
        self.capacity = tokens_that_fit(settings.engine)

    def chunks(self) -> Iterator[Sequence[User]]:
        """The shard's users in the fixed groups that are done, and after a kill done again, as a whole."""
        settings = self._work.settings.inference
        users = self.prepared.users
        yield from population.chunks_of(users, settings.chunk_users, self._flow.tokens_of, self.capacity)

    def infer(self, chunk: Sequence[User]) -> Outputs:
        """What a chunk's users come to."""
        self.cache.begin_chunk()
        inferred, failed = self._flow.run(chunk)
        self.cache.end_chunk()
        work = self._work
        release, maximum_why = work.release.name, work.settings.inference.maximum_why
        of_intents = rows.intents_rows(inferred, work.categories, work.embedder, release, maximum_why)
        return Outputs(of_intents, rows.persona_rows(inferred, release), failed)

    def explain(self, tags: Sequence[dict[str, Any]]) -> ExplainedShard:
        """Captions for items of the users' best tags.

        Args:
            tags: rows of ``intents``.
        """
        work = self._work
        serves = served_by(work.release.name, work.canary)
        day = Day(work.lake, work.day, work.settings, work.embedder, work.release.name, serves, self.capacity)
        return explain_shard(day, self.cache, self.chat, self._start, tags)

    def figures(self) -> dict[str, Any]:
        """What was asked, what was found in the caches, what histories lost."""
        return {
            "model_calls": self.cache.counts.total("calls"),
            "cached_answers": self.cache.counts.total("cached_answers"),
            "users_without_model_call": len(set(self._work.users) - self.cache.asked_users),
            "roles": self.cache.counts.as_dict(),
            "cut_users": self.prepared.cut_users,
            "dropped_periods": self.prepared.dropped_periods,
            # Fractions, so that they are not added up over shards.
            "block_tokens": float(self._work.settings.engine.block_tokens),
            "cache_tokens": float(self.capacity),
            **vars(self._flow.statistics),
        }
