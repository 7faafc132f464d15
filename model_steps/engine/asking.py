"""What a model is asked and what it answers, apart from any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from model_steps.engine.options import Options
from runtime.fingerprint import digest


@dataclass(frozen=True)
class Sampling:
    """How an answer is decoded.

    Args:
        grammar: the output's form as an EBNF grammar (what is parsed is produced under one); regex: or as one.
        seed: of this request alone, so that an answer does not depend on which others run beside it.
    """

    maximum_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int = 0
    grammar: str | None = None
    regex: str | None = None


@dataclass(frozen=True)
class Request:
    """One question of a role about a user.

    Args:
        prompt: the rendered text. attempt: 0, or a later try, which gets another seed.
        entities: what the slots in the prompt stand for, in their order (representation/hybrid.py).
        options: what the answer is chosen from; none: the model writes. The answer's text is then the ``most`` most
            probable ones with their log-probabilities (ranking.read), and nothing is sampled.
    """

    user_id: str
    role: str
    prompt: str
    sampling: Sampling
    attempt: int = 0
    entities: tuple[str, ...] = ()
    options: Options | None = None
    most: int = 0

    @classmethod
    def ranked(
        cls, user_id: str, role: str, prompt: str, options: Options, most: int, entities: tuple[str, ...] = ()
    ) -> Request:
        """A request for the ``most`` most probable options, the first one the most probable."""
        return cls(user_id, role, prompt, Sampling(maximum_tokens=1), 0, entities, options, most)

    @classmethod
    def seeded(
        cls,
        user_id: str,
        role: str,
        prompt: str,
        sampling: Sampling,
        seed: int = 0,
        attempt: int = 0,
        entities: tuple[str, ...] = (),
    ) -> Request:
        """A request whose seed follows from what it asks: the same question gets the same answer."""
        asked = [prompt, seed, attempt, *entities]
        own = int(digest(asked)[:8], 16) & 0x7FFFFFFF
        return cls(user_id, role, prompt, replace(sampling, seed=own), attempt, entities)

    def key(self, release: str, engine: str) -> str:
        """Key of the answer: digest of rendered prompt with its entities, release, sampling and output schema.

        ``engine`` names what else decides about the answer, such as the number format.
        """
        asked: list[Any] = [self.prompt, self.entities]
        if self.options is not None:
            asked += [self.options.digest, self.most]
        return digest([asked, release, engine, asdict(self.sampling)]) + digest([self.role, asked])


@dataclass(frozen=True)
class Answer:
    """What the model said, with the engine's own counts (tokens).

    Args:
        prompt_tokens: handed to the engine; of a ranking by all its steps, each of which hands over the prompt and a
            path. cached_tokens: of these, found in the prefix cache; the rest was computed.
        output_tokens: sampled; of a ranking one a step, which nobody reads.
        steps: the engine's calls for a ranking; 0 of a written answer.
    """

    text: str
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    finished: bool = True
    steps: int = 0


@dataclass
class RoleCounts:
    """Counters of one role over a run. Tokens are those of calls; an answer from the cache costs none.

    A ranking is one call of several steps: its prompt tokens are those of all steps (``Answer``), so that computed
    tokens are what the engine computed.
    """

    calls: int = 0
    cached_answers: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    computed_tokens: int = 0
    output_tokens: int = 0
    steps: int = 0

    def add(self, answer: Answer) -> None:
        self.calls += 1
        self.prompt_tokens += answer.prompt_tokens
        self.cached_tokens += answer.cached_tokens
        self.computed_tokens += answer.prompt_tokens - answer.cached_tokens
        self.output_tokens += answer.output_tokens
        self.steps += answer.steps


@dataclass
class Counts:
    """Counters by role."""

    roles: dict[str, RoleCounts] = field(default_factory=dict)

    def of(self, role: str) -> RoleCounts:
        return self.roles.setdefault(role, RoleCounts())

    def total(self, name: str) -> int:
        return sum(getattr(counts, name) for counts in self.roles.values())

    def as_dict(self) -> dict[str, Any]:
        return {role: asdict(counts) for role, counts in sorted(self.roles.items())}


class Model(Protocol):
    """What answers: an engine, or its stand-in."""

    def generate(self, requests: Sequence[Request]) -> list[Answer]: ...

    def reset_prefix_cache(self) -> None: ...
