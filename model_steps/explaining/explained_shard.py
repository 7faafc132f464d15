"""The explanations of a shard of a day, by the engine and the answer cache that its intents came from.

A second engine would start, and hold a second cache, for a few short prompts a user. Chunks of users are fixed, done
whole and kept whole, as those of inference are: a killed run goes on at the chunk it was in.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents.population import chunks_of
from model_steps.embedding.embedder import Embedder
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.chat import Chat
from model_steps.engine.start import StartsModel
from model_steps.explaining import captions, styles
from model_steps.explaining.checking import Known, counts_of
from model_steps.explaining.explainer import STYLE_OWNER, Explained, Explainer
from model_steps.explaining.reading import customers_of, read_items, read_shop
from runtime.progress import Progress
from schemas import items
from settings import ExplanationsSettings, Settings

log = logging.getLogger("intentflow")

# Tokens of a prompt of stylist or explainer, at most, about: what a chunk takes of the engine's cache follows.
PROMPT_TOKENS = 400

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Day:
    """What explanations of a day are made from and with.

    Args:
        release: that serves the users. served_by: the release for each user's id, whatever the shard took for its own.
        capacity: tokens that the engine's cache holds.
    """

    lake: Lake
    day: str
    settings: Settings
    embedder: Embedder
    release: str
    served_by: Callable[[str], str]
    capacity: int


@dataclass(frozen=True)
class ExplainedShard:
    """What a shard's users came to.

    Args:
        explained: rows of ``explanations``, and pairs that were dropped. counts: that its batch states.
        figures: for the manifest. seconds: that it took, the engine's start left out.
    """

    explained: Explained
    counts: Mapping[str, int]
    figures: Mapping[str, Any]
    seconds: float


def inputs_of(lake: Lake, settings: ExplanationsSettings) -> dict[str, Any]:
    """Digests of what explanations read besides what intents are inferred from; none where there are none."""
    return {"items": tables.partition_digest(lake, items.TABLE)} if settings.tags else {}


def parameters_of(settings: ExplanationsSettings) -> dict[str, Any]:
    """The settings that can shape a row; none where there are no explanations."""
    return {"explanations": settings.model_dump(mode="json")} if settings.tags else {}


def owners_of(users: Sequence[str], settings: ExplanationsSettings) -> list[str]:
    """Whose answers a shard needs: its users', and the styles that all share."""
    return [*users, STYLE_OWNER] if users and settings.tags else list(users)


def explain_shard(
    of: Day, cache: AnswerCache, chat: Chat, start: StartsModel, intents: Sequence[Row]
) -> ExplainedShard:
    """Explain the users of rows of ``intents``, chunk by chunk.

    Args:
        cache: that knows ``owners_of`` the users. start: what the cache starts the model with.

    Raises:
        SourceMissing: there is no catalog.
        InfrastructureError: the engine failed; answers of finished chunks are kept.
    """
    began, engine_before = time.monotonic(), start.seconds
    settings = of.settings.explanations
    customers = customers_of(of.lake, of.day, intents)
    shop = read_shop(of.lake, of.day, of.embedder, {row["category"] for row in intents})
    explainer = Explainer(
        settings,
        shop,
        cache.ask,
        chat.render,
        chat.answer_tokens,
        of.embedder.embed,
        of.release,
        of.settings.engine.seed,
    )
    progress = Progress(len(customers), "users explained", every_seconds=0)
    done = Explained()
    for chunk in chunks_of(customers, of.settings.inference.chunk_users, lambda _: tokens_of(settings), of.capacity):
        cache.begin_chunk()
        explained = explainer.explain(chunk)
        cache.end_chunk()
        done.rows.extend(explained.rows)
        done.dropped.extend(explained.dropped)
        progress.advance(len(chunk), f"{len(done.rows)} captions, {len(done.dropped)} pairs dropped")
    known = Known.of(
        intents,
        read_items(of.lake, sorted({row["item_id"] for row in done.rows})),
        {customer.context.user_id: customer.context for customer in customers},
        shop,
        of.served_by,
    )
    figures = explainer.statistics.figures()
    seconds = round(time.monotonic() - began - (start.seconds - engine_before), 3)
    log.info(
        "Explained %d users in %.1f s: %d captions, %d pairs dropped %s; styles reused: %s.",
        len(customers),
        seconds,
        figures["captions"],
        figures["pairs_dropped"],
        figures["dropped_by_rule"],
        figures["style_cache_hit_rate"],
    )
    return ExplainedShard(done, counts_of(done, known, settings), figures, seconds)


def tokens_of(settings: ExplanationsSettings) -> int:
    """What a user takes of the engine's cache at most: all captions of a user are asked for together."""
    pairs = settings.tags * settings.items_per_tag
    return pairs * (2 * PROMPT_TOKENS + captions.TOKENS + styles.TOKENS)
