"""The two ways of asking, ready for a day's users: agents that write, and agents that rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lake.store.location import Lake
from model_steps.agents import inputs, ranked_inputs
from model_steps.agents.hmas import Ask, Failed, Hmas, Intents, User
from model_steps.agents.ranked_hmas import RankedHmas, Shown, Words
from model_steps.agents.ranked_pool import Calibration
from model_steps.agents.words import Categories, WordFinder
from model_steps.embedding.embedder import Embedder
from model_steps.engine.chat import Chat
from representation.context import Context
from settings import Settings


@dataclass(frozen=True)
class Flow:
    """Agents of one way of asking.

    Args:
        run: gives the intents or the failure of each user of a chunk.
        statistics: what a run should report besides tokens, as it stands.
        history_tokens: that a history may have. tokens_of: what a user takes of the engine's cache at most.
    """

    run: Callable[[Sequence[User]], tuple[list[Intents], list[Failed]]]
    statistics: Any
    history_tokens: int
    tokens_of: Callable[[User], int]


def written(
    lake: Lake, day: str, settings: Settings, ask: Ask, chat: Chat, embedder: Embedder, categories: Categories
) -> Flow:
    """Planner, experts and arbiter that write."""
    inference, window = settings.inference, settings.engine.maximum_tokens
    hmas = Hmas(
        inference,
        ask,
        embedder.embed,
        chat.render,
        WordFinder(categories, embedder.vocabulary, inference.word_categories),
        inputs.signals_text(lake, day),
        settings.engine.seed,
    )
    limit = inputs.history_limit(hmas, chat.count, inference, inputs.cap_of(settings), window)
    tokens = partial(inputs.tokens_of_user, hmas=hmas, count=chat.count, settings=inference)
    return Flow(hmas.run, hmas.statistics, limit, tokens)


def ranked(
    lake: Lake,
    day: str,
    settings: Settings,
    ask: Ask,
    chat: Chat,
    categories: Categories,
    people: Sequence[Context],
    calibration: Calibration | None,
) -> Flow:
    """Planner, experts and arbiter that are asked by rank.

    Raises:
        SourceMissing: the contexts hold no evidence of this catalog. ConfigurationError: they keep too little of it,
            the catalog has fewer categories than tags are wanted, or the window is too small.
    """
    ranked_inputs.refuse_small_evidence(settings.history.evidence, settings.examples)
    catalog = ranked_inputs.catalog_of(categories)
    ranked_inputs.refuse_small_catalog(settings.inference.tags, catalog)
    ranked_inputs.refuse_missing_evidence(people, catalog, day)
    inference, shape, window = settings.inference, settings.examples, settings.engine.maximum_tokens
    words = Words(partial(chat.render_to_block, block=settings.engine.block_tokens), chat.count, chat.answer_tokens)
    shown = Shown(day, inputs.signals_text(lake, day), ranked_inputs.season_text(lake, day))
    hmas = RankedHmas(inference, shape, ask, words, catalog, shown, calibration)
    limit = ranked_inputs.history_limit(hmas, words, inference, shape, inputs.cap_of(settings), window)
    tokens = partial(ranked_inputs.tokens_of_user, flow=hmas, words=words, settings=inference, shape=shape)
    return Flow(hmas.run, hmas.statistics, limit, tokens)
