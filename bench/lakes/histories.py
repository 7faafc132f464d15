"""Users with their histories in all three forms: full text, aggregated text, hybrid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents import inputs, population
from model_steps.agents.data_text import delimit_block
from model_steps.agents.eligible import eligible
from model_steps.agents.evidence import Entity
from model_steps.agents.hmas import User
from representation.context import Context
from representation.fit import fit
from representation.full_text import Event, render_events
from representation.text import render_profile, render_text
from schemas import behaviors, contexts
from settings import InferenceSettings

NO_LIMIT = 2**31


@dataclass(frozen=True)
class Histories:
    """One user: the agents' two forms, and the full text, each within the same limit. ``cut`` when one had to be."""

    text: User
    hybrid: User
    full_text: str
    cut: bool


def drawn_users(lake: Lake, day: str, settings: InferenceSettings, fits: int, users: int, others: int) -> list[str]:
    """Users by a stable hash: so many whose full text has at most ``fits`` tokens, and so many whose has more."""
    able = set(eligible(lake, day, settings, 0))
    rows = tables.read(lake, contexts.TABLE, day, columns=["user_id", "tokens_full_text"])
    lengths = {row["user_id"]: row["tokens_full_text"] for row in rows.to_pylist() if row["user_id"] in able}
    within = [user for user, tokens in lengths.items() if tokens <= fits]
    beyond = [user for user, tokens in lengths.items() if tokens > fits]
    return [*population.draw(within, users), *(population.draw(beyond, others) if others else ())]


def read_events(lake: Lake, day: str, first: str, users: Sequence[str]) -> dict[str, list[Event]]:
    """The reliable behaviors of users from ``first`` to ``day``, both included, newest first."""
    wanted = [("user_id", "in", list(users)), ("day", ">=", first), ("day", "<=", day)]
    columns = ["user_id", "day", "at", "action", "entity_id"]
    rows = tables.read(lake, behaviors.TABLE, columns=columns, filters=wanted)
    rows = rows.filter(pc.is_in(rows["action"], pc.cast(behaviors.RELIABLE_ACTIONS, "string")))
    found: dict[str, list[Event]] = {user: [] for user in users}
    for row in rows.sort_by([("at", "descending"), ("entity_id", "ascending")]).to_pylist():
        found[row["user_id"]].append(Event(row["day"], row["action"], row["entity_id"]))
    return found


def histories_of(
    lake: Lake,
    day: str,
    people: Sequence[Context],
    known: Mapping[str, Entity],
    count: Callable[[str], int],
    limit: int,
) -> list[Histories]:
    """Every user's histories, in the order of the contexts, each form cut where it is longer than the limit.

    Args:
        lake: has the behaviors of the contexts' periods.
        day: of the contexts.
        people: the users' contexts.
        known: the entities that the contexts name.
        count: tokens of a text.
        limit: most tokens of a form.
    """
    users = [person.user_id for person in people]
    first_days = tables.read(lake, contexts.TABLE, day, columns=["user_id", "first_day"])
    first = min(row["first_day"] for row in first_days.to_pylist() if row["user_id"] in set(users))
    events = read_events(lake, day, first, users)
    texts = {entity_id: entity.text for entity_id, entity in known.items()}
    found = []
    for person in people:
        cut, dropped = fit(person, lambda context: count(render_text(context, texts)), limit)
        as_text = inputs.prepare([cut], known, count, NO_LIMIT, "text").users[0]
        as_hybrid = inputs.prepare([person], known, count, limit, "hybrid").users[0]
        own = events[person.user_id]
        profile = delimit_block(render_profile(person))
        full = _cut_events(own, known, profile, count, limit)
        kept = full.count("\n") + 1 - (profile.count("\n") + 1 if profile else 0)
        found.append(Histories(as_text, as_hybrid, full, cut=bool(dropped) or kept < len(own)))
    return found


def _cut_events(
    events: Sequence[Event], known: Mapping[str, Entity], profile: str, count: Callable[[str], int], limit: int
) -> str:
    """Profile and as many of the newest events as the limit allows."""
    texts = {entity_id: entity.text for entity_id, entity in known.items()}
    shown = [event for event in events if event.entity_id in texts]
    while True:
        text = "\n".join(part for part in (profile, render_events(shown, texts)) if part)
        tokens = count(text)
        if tokens <= limit or len(shown) <= 1:
            return text
        shown = shown[: max(1, len(shown) * limit // tokens)]
