"""Production-oriented alignment: y* is the frozen model's own answer to the full-text prompt (PAPER 1.2).

Two real tasks: interest mining, which is the planner's call, and tag prediction, asked of the history itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from model_steps.agents import expert
from model_steps.agents.evidence import Entity
from model_steps.agents.hmas import Hmas, User
from model_steps.agents.inputs import prepare
from model_steps.agents.words import WordFinder
from model_steps.engine.asking import Model, Request, Sampling
from model_steps.training.examples import Example
from model_steps.training.prompts import tag_prediction
from representation.context import Context
from representation.fit import fit
from representation.text import render_text
from runtime.progress import Progress

INTEREST_MINING = "interest_mining"
TAG_PREDICTION = "tag_prediction"
TAGS = 10
TOGETHER = 32
NO_LIMIT = 2**31


def pairs_of_users(
    people: Sequence[Context], known: Mapping[str, Entity], count: Callable[[str], int], limit: int
) -> list[tuple[User, User]]:
    """The same histories in both forms, text and hybrid, cut to ``limit`` tokens of text; those without any go."""
    texts = {entity_id: entity.text for entity_id, entity in known.items()}
    cut = [fit(person, lambda context: count(render_text(context, texts)), limit)[0] for person in people]
    as_text = prepare(cut, known, count, NO_LIMIT, "text").users
    as_hybrid = prepare(cut, known, count, NO_LIMIT, "hybrid").users
    return [(text, hybrid) for text, hybrid in zip(as_text, as_hybrid, strict=True) if text.facts]


def without_entities(context: Context, dropped: frozenset[str]) -> Context:
    """A history as if some entities had never been bought: the held-out ones."""
    periods = []
    for period in context.periods:
        groups = [
            replace(group, entities=kept)
            for group in period.actions
            if (kept := tuple(entry for entry in group.entities if entry.entity_id not in dropped))
        ]
        if groups:
            periods.append(replace(period, actions=tuple(groups)))
    return replace(context, periods=tuple(periods))


def tag_request(user: User, hmas: Hmas, words: WordFinder, temperature: float, seed: int) -> Request:
    """Tag prediction asked of the history itself, without experts between."""
    near = words.near([fact.category for fact in user.facts[:3]])
    sampling = Sampling(
        maximum_tokens=expert.TOKENS_PER_TAG * TAGS,
        temperature=temperature,
        frequency_penalty=1.0,
        grammar=expert.grammar(near, TAGS),
    )
    prompt = hmas.prompt_with_context(user.history, tag_prediction(TAGS))
    return Request.seeded(user.user_id, TAG_PREDICTION, prompt, sampling, seed, entities=user.entities)


def examples_of(
    pairs: Sequence[tuple[User, User]], model: Model, request_of: Mapping[str, Callable[[User], Request]]
) -> list[Example]:
    """Ask the model on full text, and put its answers behind the hybrid prompts.

    Args:
        request_of: by task, how a user is asked.
    """
    found: list[Example] = []
    progress = Progress(len(pairs) * len(request_of), "alignment targets")
    for family, request in request_of.items():
        for start in range(0, len(pairs), TOGETHER):
            some = pairs[start : start + TOGETHER]
            answers = model.generate([request(text) for text, _ in some])
            for (_, hybrid), answer in zip(some, answers, strict=True):
                if answer.finished:
                    asked = request(hybrid)
                    found.append(Example(family, asked.prompt, asked.entities, answer.text))
            progress.advance(len(some))
    return found
