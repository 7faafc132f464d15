"""What a model is asked and what it answers, apart from any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

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
    """

    user_id: str
    role: str
    prompt: str
    sampling: Sampling
    attempt: int = 0
    entities: tuple[str, ...] = ()

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
        asked = [self.prompt, self.entities]
        return digest([asked, release, engine, asdict(self.sampling)]) + digest([self.role, asked])


@dataclass(frozen=True)
class Answer:
    """What the model said, with the engine's own counts (tokens)."""

    text: str
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    finished: bool = True


@dataclass
class RoleCounts:
    """Counters of one role over a run. Tokens are those of calls; an answer from the cache costs none."""

    calls: int = 0
    cached_answers: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    computed_tokens: int = 0
    output_tokens: int = 0

    def add(self, answer: Answer) -> None:
        self.calls += 1
        self.prompt_tokens += answer.prompt_tokens
        self.cached_tokens += answer.cached_tokens
        self.computed_tokens += answer.prompt_tokens - answer.cached_tokens
        self.output_tokens += answer.output_tokens


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
