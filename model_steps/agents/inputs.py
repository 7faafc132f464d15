"""What inference reads from the lake for a day, and how a user's context becomes what the agents know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents import arbiter, expert, planner
from model_steps.agents.data_text import delimit, delimit_block
from model_steps.agents.evidence import Entity, facts_of
from model_steps.agents.hmas import Hmas, User
from model_steps.agents.words import Categories
from representation.context import Context, from_row
from representation.evidence import parent_of
from representation.fit import fit
from representation.hybrid import SLOT, Hybrid, render_hybrid
from representation.text import render_profile, render_text
from runtime.errors import ConfigurationError, SourceMissing
from runtime.fingerprint import digest
from schemas import contexts, entities, entity_vectors, signals
from settings import InferenceSettings, Settings

SHOWN = ("user_id", "periods", "attributes", "interests", "evidence")
# A tag of the pool on a line of its own, at most (tokens).
TOKENS_PER_POOL_LINE = 16
# An expert's prompt, at most, as long as it is asked once.
EXPERT_PROMPT = 400


def read_contexts(lake: Lake, day: str, user_ids: Sequence[str]) -> list[Context]:
    """The users' contexts, in the order of the ids."""
    rows = tables.read(lake, contexts.TABLE, day, columns=SHOWN, filters=[("user_id", "in", list(user_ids))])
    by_user = {row["user_id"]: from_row(row) for row in rows.to_pylist()}
    return [by_user[user] for user in user_ids]


def read_entities(lake: Lake, people: Sequence[Context]) -> dict[str, Entity]:
    """The entities that contexts name, their texts delimited.

    Raises:
        SourceMissing: the catalog lacks one.
    """
    wanted = {
        entry.entity_id
        for person in people
        for period in person.periods
        for group in period.actions
        for entry in group.entities
    }
    columns = ["entity_id", "text", "category", "category_path"]
    rows = tables.read(lake, entities.TABLE, columns=columns, filters=[("entity_id", "in", sorted(wanted))])
    found = {
        row["entity_id"]: Entity(delimit(row["text"]), row["category"], parent_of(row["category_path"]))
        for row in rows.to_pylist()
    }
    if lost := wanted - found.keys():
        raise SourceMissing(f"{len(lost)} entities of the contexts are not in the table entities, {min(lost)} first.")
    return found


def read_categories(lake: Lake, embedder: str) -> Categories:
    """The catalog's categories with their vectors, sorted by name.

    Raises:
        SourceMissing: there are none, or some are not embedded.
    """
    columns = ["entity_id", "text", "category", "category_path"]
    rows = tables.read(lake, entities.TABLE, columns=columns, filters=[("kind", "=", "category")])
    ids = rows["entity_id"].to_pylist()
    wanted = [("embedder", "=", embedder), ("entity_id", "in", ids)]
    found = tables.read(lake, entity_vectors.TABLE, columns=["entity_id", "vector"], filters=wanted) if ids else None
    if found is None or found.num_rows < len(ids):
        raise SourceMissing(
            f"{len(ids) - (found.num_rows if found else 0)} of {len(ids)} categories have no vector of {embedder}: run "
            "`python -m model_steps.embed` first."
        )
    flat = found["vector"].combine_chunks().flatten().to_numpy().reshape(len(ids), -1)
    number = {entity: row for row, entity in enumerate(found["entity_id"].to_pylist())}
    order = sorted(range(len(ids)), key=lambda row: str(rows["category"][row]))
    return Categories(
        names=tuple(rows["category"][row].as_py() for row in order),
        texts=tuple(rows["text"][row].as_py() for row in order),
        paths=tuple(rows["category_path"][row].as_py() for row in order),
        vectors=np.ascontiguousarray(flat[[number[ids[row]] for row in order]]),
    )


def categories_digest(categories: Categories) -> str:
    return digest([categories.names, categories.texts, categories.paths])


def signals_text(lake: Lake, day: str) -> str:
    """The environment as the prompts show it: a line a kind, the weightiest first."""
    rows = tables.read(lake, signals.TABLE, day, columns=["kind", "text", "weight"]).to_pylist()
    lines = []
    for kind in signals.KINDS:
        texts = sorted((row for row in rows if row["kind"] == kind), key=lambda row: (-row["weight"], row["text"]))
        if texts:
            lines.append(f"{kind}: {'; '.join(delimit(row['text']) for row in texts)}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Prepared:
    """Users ready for the agents, and what the cap cost them."""

    users: tuple[User, ...]
    cut_users: int
    dropped_periods: int


def cap_of(settings: Settings) -> int:
    """The settings' cap of a history in the form that prompts show (tokens and slots)."""
    history = settings.history
    return history.hybrid_tokens if settings.inference.representation == "hybrid" else history.text_tokens


def history_limit(hmas: Hmas, count: Callable[[str], int], settings: InferenceSettings, cap: int, window: int) -> int:
    """Tokens that a history may have: the cap, or what the window leaves beside the longest task and its answer.

    Raises:
        ConfigurationError: the window is too small for any history.
    """
    plan = count(hmas.prompt_with_context("", planner.task(settings.personas, settings.evidence)))
    plan += planner.TOKENS_PER_PERSONA * settings.personas
    pool = min(arbiter.MAXIMUM_POOL, settings.personas * settings.tags_per_expert * settings.attempts)
    choice = count(hmas.prompt_with_context("", arbiter.task([], settings.tags)))
    choice += pool * TOKENS_PER_POOL_LINE + arbiter.TOKENS_PER_TAG * settings.tags
    limit = min(cap, window - max(plan, choice))
    if limit < 64:
        raise ConfigurationError(
            f"A window of {window} tokens leaves {limit} for the history: raise INTENTFLOW_ENGINE__MAXIMUM_TOKENS, or "
            "lower the personas and tags."
        )
    return limit


def prepare(
    people: Sequence[Context],
    known: Mapping[str, Entity],
    count: Callable[[str], int],
    limit: int,
    representation: str,
) -> Prepared:
    """Cut each context to the limit, oldest periods first, and render it.

    Args:
        count: positions of a text in a prompt. representation: ``hybrid`` or ``text``.
    """
    texts = {entity_id: entity.text for entity_id, entity in known.items()}

    def rendered(context: Context) -> Hybrid:
        if representation == "hybrid":
            return render_hybrid(context)
        return Hybrid(render_text(context, texts), ())

    users, cut, dropped = [], 0, 0
    for person in people:
        fitted, periods = fit(person, lambda context: count(rendered(context).text), limit)
        cut += fitted != person
        dropped += periods
        shown = rendered(fitted)
        users.append(
            User(
                user_id=person.user_id,
                history=SLOT.join(delimit_block(part) for part in shown.parts()),
                entities=shown.entities,
                profile=delimit_block(render_profile(fitted)),
                # The evidence is what the prompt shows: a persona cannot rest on what the planner did not read.
                facts=tuple(facts_of(fitted, known)),
                attributes=person.attributes,
                bought=person.evidence or (),
            )
        )
    return Prepared(tuple(users), cut, dropped)


def tokens_of_user(user: User, hmas: Hmas, count: Callable[[str], int], settings: InferenceSettings) -> int:
    """What a user takes of the engine's cache at most, from the planner's call to the arbiter's."""
    context = count(hmas.prompt_with_context(user.history, ""))
    plan = planner.TOKENS_PER_PERSONA * settings.personas
    experts = settings.personas * (EXPERT_PROMPT + expert.TOKENS_PER_TAG * settings.tags_per_expert)
    pool = settings.personas * settings.tags_per_expert * TOKENS_PER_POOL_LINE
    return context + plan + experts + pool + arbiter.TOKENS_PER_TAG * settings.tags


def rows_of(table: Any, rows: Sequence[dict[str, Any]], day: str) -> pa.Table:
    """Rows of a day as the table's schema wants them."""
    return pa.Table.from_pylist([{"day": day, **row} for row in rows], table.schema)
