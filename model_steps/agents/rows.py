"""What the agents wrote as rows of ``intents``, ``personas`` and ``failures``. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from model_steps.agents.hmas import Failed, Intents
from model_steps.agents.planner import Persona
from model_steps.agents.words import Categories
from model_steps.embedding.embedder import Embedder


def intents_rows(
    done: Sequence[Intents], categories: Categories, embedder: Embedder, release_name: str, maximum_why: int
) -> list[dict[str, Any]]:
    """Rows of ``intents`` of a chunk."""
    texts = sorted({chosen.tag.text for user in done for chosen in user.chosen if chosen.category is None})
    nearest = dict(zip(texts, categories.nearest(embedder.embed(texts)), strict=True)) if texts else {}
    rows = []
    for user in done:
        for rank, chosen in enumerate(user.chosen, start=1):
            persona = user.personas[chosen.tag.expert]
            category, similarity = (chosen.category, 1.0) if chosen.category else nearest[chosen.tag.text]
            rows.append(
                {
                    "user_id": user.user_id,
                    "rank": rank,
                    "tag": chosen.tag.text,
                    "category": category,
                    # Beyond four digits it depends on which texts shared a batch.
                    "category_similarity": round(similarity, 4),
                    "persona": persona.name,
                    "why": (chosen.why or _why(persona))[:maximum_why],
                    "expert": chosen.tag.expert + 1,
                    "chosen_by": chosen.chosen_by,
                    "release": release_name,
                }
            )
    return rows


def _why(persona: Persona) -> str:
    return f"{persona.need} Bought: {'; '.join(fact.fact for fact in persona.evidence)}."


def persona_rows(done: Sequence[Intents], release_name: str) -> list[dict[str, Any]]:
    """Rows of ``personas`` of a chunk."""
    found = []
    for user in done:
        wrote = [chosen.tag.expert for chosen in user.chosen]
        for number, (persona, facts) in enumerate(zip(user.personas, user.evidence, strict=True)):
            found.append(
                {
                    "user_id": user.user_id,
                    "expert": number + 1,
                    "persona": persona.name,
                    "need": persona.need,
                    "evidence": [asdict(fact) for fact in facts],
                    "tags": wrote.count(number),
                    "release": release_name,
                }
            )
    return found


def tags_without_persona(intents: Sequence[dict[str, Any]], personas: Sequence[dict[str, Any]]) -> int:
    """Tags whose expert serves no persona of the user's, or one of another name."""
    known = {(row["user_id"], row["expert"], row["persona"]) for row in personas}
    return sum((row["user_id"], row["expert"], row["persona"]) not in known for row in intents)


def users_of_another_release(rows: Sequence[dict[str, Any]], served_by: Callable[[str], str]) -> int:
    """Users with a row of another release than serves them.

    Args:
        rows: of ``intents`` or ``personas``. served_by: the release for a user's id.
    """
    served = {(row["user_id"], row["release"]) for row in rows}
    return len({user for user, release in served if release != served_by(user)})


def failure_rows(failed: Sequence[Failed], step: str) -> list[dict[str, Any]]:
    """Rows of ``failures``."""
    return [
        {"step": step, "key": user.user_id, "reason": user.reason, "attempts": user.attempts}
        for user in sorted(failed, key=lambda user: user.user_id)
    ]


def wrong_users(rows: Sequence[dict[str, Any]], tags: int) -> int:
    """Users without exactly ``tags`` distinct tags under the ranks 1 to ``tags``."""
    by_user: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_user.setdefault(row["user_id"], []).append(row)
    wanted = list(range(1, tags + 1))
    return sum(
        sorted(row["rank"] for row in of_user) != wanted or len({row["tag"] for row in of_user}) != tags
        for of_user in by_user.values()
    )
