"""The order of the waves for a chunk of users: plan all, ask all experts, let the arbiter choose (PAPER 1.4).

A wave goes to the model as a whole, which decodes it together. The arbiter's wave follows while the planner's
prefixes, the users' contexts, are still in the prefix cache.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from model_steps.agents import arbiter, evidence, expert, planner, prompt_files, selection
from model_steps.agents.evidence import CategoryFacts
from model_steps.agents.persona_evidence import PersonaFact, of_written
from model_steps.agents.planner import Persona, Unusable
from model_steps.agents.selection import Chosen, PoolTag
from model_steps.agents.words import WordFinder
from model_steps.embedding.embedder import Vectors
from model_steps.engine.asking import Answer, Request, Sampling
from representation.context import CategoryDays
from settings import InferenceSettings

log = logging.getLogger("intentflow")


@dataclass(frozen=True)
class User:
    """What the agents know of a user.

    Args:
        history: profile and history, delimited and cut to its cap. entities: what the slots in it stand for.
        profile: the profile alone, as text. facts: what written personas may rest on.
        attributes: of the profile. bought: what ranked experts may be shown, the most certain category first.
    """

    user_id: str
    history: str
    entities: tuple[str, ...]
    profile: str
    facts: tuple[CategoryFacts, ...]
    attributes: tuple[tuple[str, str], ...] = ()
    bought: tuple[CategoryDays, ...] = ()


@dataclass(frozen=True)
class Intents:
    """The final tags of a user, best first, and the personas they come from.

    Args:
        evidence: of each persona.
    """

    user_id: str
    personas: tuple[Persona, ...]
    chosen: tuple[Chosen, ...]
    evidence: tuple[tuple[PersonaFact, ...], ...]


@dataclass(frozen=True)
class Failed:
    """A user without intents."""

    user_id: str
    reason: str
    attempts: int

    @classmethod
    def without_evidence(cls, user_id: str) -> Failed:
        """A user of whom nothing can be said, such as one who only searched: no answer of a model would change that."""
        return cls(user_id, "the history has no category that a persona could rest on", 0)

    @property
    def has_evidence(self) -> bool:
        """Whether a model was asked at all."""
        return self.attempts > 0


@dataclass
class Statistics:
    """What a run should report besides tokens."""

    evidence_completed: int = 0
    experts_asked_again: int = 0
    arbiter_unusable: int = 0
    tags_written: int = 0
    tags_in_pool: int = 0


@dataclass
class _Case:
    """A user under way."""

    user: User
    personas: list[Persona] = field(default_factory=list)
    written: list[list[str]] = field(default_factory=list)
    choice: list[int] = field(default_factory=list)
    pool: list[PoolTag] = field(default_factory=list)
    failed: Failed | None = None


class Ask(Protocol):
    def __call__(self, requests: Sequence[Request]) -> list[Answer]: ...


class Hmas:
    """Planner, experts and arbiter over chunks of users.

    Args:
        ask: answers requests, from a cache or a model. embed: texts to rows of unit length.
        render: a system and a user message as the model's prompt. signals: the environment as text.
    """

    def __init__(
        self,
        settings: InferenceSettings,
        ask: Ask,
        embed: Callable[[Sequence[str]], Vectors],
        render: Callable[[str, str], str],
        words: WordFinder,
        signals: str,
        seed: int,
    ) -> None:
        self._settings, self._ask, self._embed, self._render = settings, ask, embed, render
        self._words, self._signals, self._seed = words, signals, seed
        self.statistics = Statistics()

    def run(self, users: Sequence[User]) -> tuple[list[Intents], list[Failed]]:
        """Intents or failure of each user of a chunk.

        Raises:
            InfrastructureError: the engine failed.
        """
        cases = [_Case(user) for user in users]
        self._plan(cases)
        going = [case for case in cases if case.failed is None]
        log.info("Planned %d users.", len(going))
        vectors = self._write(going)
        going = [case for case in going if case.failed is None]
        log.info("%d experts wrote for %d users.", sum(len(case.personas) for case in going), len(going))
        self._arbitrate(going)
        done = []
        for case in going:
            rows = vectors(case.pool)
            wanted, similarity = self._settings.tags, self._settings.duplicate_similarity
            chosen = selection.select(case.pool, case.choice, rows, wanted, similarity)
            rests_on = tuple(of_written(persona.evidence) for persona in case.personas)
            done.append(Intents(case.user.user_id, tuple(case.personas), tuple(chosen), rests_on))
        return done, [case.failed for case in cases if case.failed is not None]

    def prompt_with_context(self, history: str, task: str) -> str:
        """Planner's and arbiter's prompt: the context first, so that both begin with the same tokens.

        Within it the signals come first, for they are the same for all users of a day.
        """
        system, frame = prompt_files.load("context")
        return self._render(system, frame.substitute(profile_and_history=history, signals=self._signals, task=task))

    def _personas(self, user: User) -> int:
        return min(self._settings.personas, len(user.facts))

    def _plan(self, cases: Sequence[_Case]) -> None:
        pending = []
        for case in cases:
            if case.user.facts:
                pending.append(case)
            else:
                case.failed = Failed.without_evidence(case.user.user_id)
        for attempt in range(self._settings.attempts):
            answers = self._ask([self.plan_request(case.user, attempt) for case in pending])
            again = []
            for case, answer in zip(pending, answers, strict=True):
                try:
                    case.personas, completed = planner.parse(answer.text, case.user.facts, self._personas(case.user))
                    self.statistics.evidence_completed += completed
                except Unusable as error:
                    again.append(case)
                    case.failed = Failed(case.user.user_id, str(error), attempt + 1)
                else:
                    case.failed = None
            pending = again
            if not pending:
                break

    def plan_request(self, user: User, attempt: int = 0) -> Request:
        """The planner's call: interest mining."""
        settings, personas = self._settings, self._personas(user)
        sampling = Sampling(
            maximum_tokens=planner.TOKENS_PER_PERSONA * personas,
            temperature=settings.planner_temperature,
            top_p=settings.top_p,
            grammar=planner.grammar(self._offers(user.facts, personas), settings.evidence),
        )
        prompt = self.prompt_with_context(user.history, planner.task(personas, settings.evidence))
        return Request.seeded(user.user_id, planner.ROLE, prompt, sampling, self._seed, attempt, user.entities)

    def _offers(self, facts: Sequence[CategoryFacts], personas: int) -> list[planner.Offer]:
        """What each persona may be made of."""
        parts: list[Sequence[CategoryFacts]] = [facts] * personas
        if self._settings.grouped_evidence:
            rows = self._words.vectors([fact.category for fact in facts])
            parts = [[facts[row] for row in group] for group in evidence.groups(rows, personas)]
        words = [self._words.of(fact.label for fact in part) for part in parts]
        if not self._settings.word_categories:
            words = [()] * personas
        return [planner.Offer(tuple(part), own) for part, own in zip(parts, words, strict=True)]

    def _write(self, cases: Sequence[_Case]) -> Callable[[Sequence[PoolTag]], Vectors]:
        """Let the experts write until every pool suffices; returns the vectors of what they wrote."""
        for case in cases:
            case.written = [[] for _ in case.personas]
        pending = list(cases)
        for attempt in range(self._settings.attempts):
            if attempt:
                self.statistics.experts_asked_again += sum(len(case.personas) for case in pending)
            asked = [(case, number) for case in pending for number in range(len(case.personas))]
            answers = self._ask([self._expert_request(case, number, attempt) for case, number in asked])
            for (case, number), answer in zip(asked, answers, strict=True):
                try:
                    tags = expert.parse(answer.text)
                except Unusable:
                    continue
                self.statistics.tags_written += len(tags)
                case.written[number] += [tag for tag in tags if tag not in case.written[number]]
            for case in pending:
                case.pool = selection.pool_of(case.written, arbiter.MAXIMUM_POOL)
            vectors = self._vectors(cases)
            pending = [case for case in pending if self._distinct(case, vectors) < self._settings.tags]
            if not pending:
                break
        for case in pending:
            found = self._distinct(case, vectors)
            reason = f"the experts wrote {found} distinct tags, and {self._settings.tags} are needed"
            case.failed = Failed(case.user.user_id, reason, self._settings.attempts)
        self.statistics.tags_in_pool += sum(len(case.pool) for case in cases)
        return vectors

    def _distinct(self, case: _Case, vectors: Callable[[Sequence[PoolTag]], Vectors]) -> int:
        return selection.distinct(case.pool, vectors(case.pool), self._settings.duplicate_similarity)

    def _expert_request(self, case: _Case, number: int, attempt: int) -> Request:
        settings, persona = self._settings, case.personas[number]
        existing = tuple(tag for tags in case.written for tag in tags)[: arbiter.MAXIMUM_POOL]
        system, user = expert.messages(persona, case.user.profile, settings.tags_per_expert, existing)
        words = self._words.near([fact.category for fact in persona.evidence])
        sampling = Sampling(
            maximum_tokens=expert.TOKENS_PER_TAG * settings.tags_per_expert,
            temperature=settings.expert_temperature,
            top_p=settings.top_p,
            frequency_penalty=settings.frequency_penalty,
            grammar=expert.grammar(words, settings.tags_per_expert),
        )
        prompt = self._render(system, user)
        return Request.seeded(case.user.user_id, expert.ROLE, prompt, sampling, self._seed, attempt)

    def _vectors(self, cases: Sequence[_Case]) -> Callable[[Sequence[PoolTag]], Vectors]:
        """Embed all tags of a chunk in one go, so that a vector does not depend on what came before the chunk."""
        texts = sorted({tag.text for case in cases for tag in case.pool})
        rows = self._embed(texts)
        number = {text: row for row, text in enumerate(texts)}
        return lambda pool: rows[[number[tag.text] for tag in pool]]

    def _arbitrate(self, cases: Sequence[_Case]) -> None:
        answers = self._ask([self._arbiter_request(case) for case in cases])
        for case, answer in zip(cases, answers, strict=True):
            try:
                case.choice = arbiter.parse(answer.text, [tag.text for tag in case.pool])
            except Unusable:
                # Asked again it would say the same: it decodes greedily. Code completes, and says so.
                self.statistics.arbiter_unusable += 1

    def _arbiter_request(self, case: _Case) -> Request:
        pool = [tag.text for tag in case.pool]
        tags = min(self._settings.tags, len(pool))
        # Greedy, for it is a decision; the penalties keep it from choosing the same again.
        sampling = Sampling(
            maximum_tokens=arbiter.TOKENS_PER_TAG * tags,
            frequency_penalty=self._settings.frequency_penalty,
            presence_penalty=self._settings.presence_penalty,
            grammar=arbiter.grammar(pool, tags),
        )
        task = arbiter.task(pool, tags)
        prompt = self.prompt_with_context(case.user.history, task)
        return Request.seeded(
            case.user.user_id, arbiter.ROLE, prompt, sampling, self._seed, entities=case.user.entities
        )
