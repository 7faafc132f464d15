"""What agents that are asked by rank need besides what ``inputs`` reads, and how long their prompts may be."""

from __future__ import annotations

from collections.abc import Sequence

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents import ranked_planner
from model_steps.agents.hmas import User
from model_steps.agents.ranked_hmas import RankedHmas, Words
from model_steps.agents.words import Categories
from representation.catalog import CategoryVectors
from representation.context import Context
from representation.evidence import MAXIMUM_LABEL
from runtime.errors import ConfigurationError, SourceMissing
from schemas import signals
from settings import ExamplesSettings, InferenceSettings

# The signals that experts are shown: those that examples show them.
SEASON = ("season", "holiday")
# A category's name in a prompt, and a tag of the pool with its evidence, at most (tokens).
TOKENS_PER_LABEL = MAXIMUM_LABEL // 2
TOKENS_PER_REVIEWED = TOKENS_PER_LABEL + 20
# An expert's prompt without its evidence and an arbiter's without its pool, at most, and what the steps of one ranking
# take behind a prompt.
EXPERT_PROMPT = 300
RANKING_STEPS = 300


def catalog_of(categories: Categories) -> CategoryVectors:
    """The catalog as personas are made with it."""
    rows = [
        {"entity_id": name, "text": text, "category": name, "category_path": path}
        for name, text, path in zip(categories.names, categories.texts, categories.paths, strict=True)
    ]
    return CategoryVectors.of(rows, dict(zip(categories.names, categories.vectors, strict=True)))


def season_text(lake: Lake, day: str) -> str:
    """Season and holidays of the day's week, a line a kind: what examples of the week show."""
    rows = tables.read(lake, signals.TABLE, day, columns=["kind", "text", "weight"]).to_pylist()
    found = sorted((row for row in rows if row["kind"] in SEASON), key=lambda row: (-row["weight"], row["text"]))
    texts = {kind: [row["text"] for row in found if row["kind"] == kind] for kind in SEASON}
    return "\n".join(f"{kind}: {'; '.join(of_kind)}" for kind, of_kind in texts.items() if of_kind)


def refuse_small_evidence(kept: int, shape: ExamplesSettings) -> None:
    """See that contexts keep as many categories as experts are shown.

    Args:
        kept: INTENTFLOW_HISTORY__EVIDENCE.

    Raises:
        ConfigurationError: they keep fewer.
    """
    shown = shape.personas * shape.categories
    if kept < shown:
        raise ConfigurationError(
            f"Contexts keep {kept} categories, and experts are shown {shown} (personas x categories of the section "
            "examples): raise INTENTFLOW_HISTORY__EVIDENCE, and compress again."
        )


def refuse_small_catalog(tags: int, catalog: CategoryVectors) -> None:
    """See that a user can have as many different tags as are kept.

    Args:
        tags: N, which every user has.

    Raises:
        ConfigurationError: the catalog has fewer categories that look different in a prompt.
    """
    if (known := len(set(catalog.labels))) < tags:
        raise ConfigurationError(
            f"{tags} tags a user are wanted, and the catalog has {known} categories to choose from: set "
            f"INTENTFLOW_INFERENCE__TAGS to {known} or fewer."
        )


def refuse_missing_evidence(people: Sequence[Context], catalog: CategoryVectors, day: str) -> None:
    """See that contexts hold evidence, of categories that exist.

    Raises:
        SourceMissing: they were made before it was kept, or of another catalog.
    """
    again = f"run `python -m spark_jobs.compress --day {day}` and publish"
    if old := sum(person.evidence is None for person in people):
        raise SourceMissing(
            f"{old} of {len(people)} contexts of {day} were made before evidence was kept: {again}, or set "
            "INTENTFLOW_INFERENCE__ASKING=written."
        )
    named = {one.category for person in people for one in person.evidence or ()}
    if lost := named - catalog.row_of.keys():
        raise SourceMissing(
            f"{len(lost)} categories of the contexts are not in the catalog, {min(lost)} first: {again}."
        )


def history_limit(
    flow: RankedHmas, words: Words, settings: InferenceSettings, shape: ExamplesSettings, cap: int, window: int
) -> int:
    """Tokens that a history may have: the cap, or what the window leaves beside the longest task.

    Raises:
        ConfigurationError: the window is too small for any history, or for an expert's evidence.
    """
    frame = words.count(flow.prompt_with_context("", ""))
    limit = min(cap, window - frame - _naming_tokens() - RANKING_STEPS)
    asked = max(EXPERT_PROMPT + shape.tokens, _review_tokens(settings))
    if min(limit, window - asked - RANKING_STEPS) < 64:
        raise ConfigurationError(
            f"A window of {window} tokens leaves {limit} for the history: raise INTENTFLOW_ENGINE__MAXIMUM_TOKENS, or "
            "lower INTENTFLOW_EXAMPLES__TOKENS or INTENTFLOW_INFERENCE__REVIEW_POOL."
        )
    return limit


def tokens_of_user(
    user: User, flow: RankedHmas, words: Words, settings: InferenceSettings, shape: ExamplesSettings
) -> int:
    """What a user takes of the engine's cache at most, from the planner's call to the arbiter's."""
    context = words.count(flow.prompt_with_context(user.history, ""))
    persona = _naming_tokens() + EXPERT_PROMPT + shape.tokens + 2 * RANKING_STEPS
    return context + shape.personas * persona + _review_tokens(settings)


def _naming_tokens() -> int:
    return 64 + ranked_planner.KINDS * TOKENS_PER_LABEL


def _review_tokens(settings: InferenceSettings) -> int:
    """What a pool's review takes at most; nothing where none is asked for."""
    if settings.arbiter == "probability":
        return 0
    return EXPERT_PROMPT + settings.review_pool * TOKENS_PER_REVIEWED + RANKING_STEPS
