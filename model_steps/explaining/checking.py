"""What a shard's explanations are held against once more, before anybody sees them. Pure functions.

It counts what must not be, from the catalog, the intents and the contexts as they are, not from what the explainer
knew: the audit stops a day with any of it (``schemas.explanations``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.captions import caption_words
from model_steps.explaining import rules
from model_steps.explaining.explainer import Explained, Shop
from model_steps.explaining.item import Item
from model_steps.explaining.personal_data import names_user, plain_of
from model_steps.explaining.rules import Said
from representation.context import Context
from schemas import explanations
from settings import ExplanationsSettings

Row = Mapping[str, Any]

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Known:
    """What is known of a shard apart from its explanations.

    Args:
        tags: user, rank and tag of its rows of ``intents``. categories: of each user's tags.
        items: of the catalog, by id, those that were explained. contexts: by user.
        served_by: the release for a user's id.
    """

    tags: frozenset[tuple[str, int, str]]
    categories: Mapping[str, frozenset[str]]
    items: Mapping[str, Item]
    contexts: Mapping[str, Context]
    shop: Shop
    served_by: Callable[[str], str]

    @classmethod
    def of(
        cls,
        intents: Sequence[Row],
        items: Mapping[str, Item],
        contexts: Mapping[str, Context],
        shop: Shop,
        served_by: Callable[[str], str],
    ) -> Known:
        """Take what is asked of rows of ``intents``: user_id, rank, tag and category."""
        categories: dict[str, set[str]] = {}
        for row in intents:
            categories.setdefault(row["user_id"], set()).add(row["category"])
        return cls(
            frozenset((row["user_id"], row["rank"], row["tag"]) for row in intents),
            {user: frozenset(found) for user, found in categories.items()},
            items,
            contexts,
            shop,
            served_by,
        )


def counts_of(explained: Explained, known: Known, settings: ExplanationsSettings) -> dict[str, int]:
    """The counts that a shard's batch of ``explanations`` states."""
    rows = explained.rows
    return {
        "pairs_in": len(rows) + len(explained.dropped),
        "captions": len(rows),
        "pairs_dropped": len(explained.dropped),
        "captions_beside_the_rules": sum(_is_beside_the_rules(row, known, settings) for row in rows),
        "captions_of_another_length": sum(not _has_length(row["caption"], settings) for row in rows),
        "captions_with_a_pseudonym": sum(_has_pseudonym(row, known) for row in rows),
        "explained_without_intent": sum((row["user_id"], row["rank"], row["tag"]) not in known.tags for row in rows),
        "explained_outside_the_catalog": sum(row["item_id"] not in known.items for row in rows),
        "explained_of_another_category": sum(_is_of_another_category(row, known) for row in rows),
        "explained_twice": len(rows) - len({(row["user_id"], row["item_id"]) for row in rows}),
        "explained_by_another_release": sum(row["release"] != known.served_by(row["user_id"]) for row in rows),
    }


def no_counts() -> dict[str, int]:
    """The same of no explanations at all: 0 of whatever a rule of the table asks for."""
    return {name: 0 for rule in explanations.TABLE.batch_rules for name in rule.counts if name != "rows"}


def _is_beside_the_rules(row: Row, known: Known, settings: ExplanationsSettings) -> bool:
    """Whether its caption breaks a rule, or cannot be held against them, for its item or user is not known."""
    item, context = known.items.get(row["item_id"]), known.contexts.get(row["user_id"])
    if item is None or context is None:
        return True
    shop = known.shop
    said = Said(row["caption"], item, row["user_id"], context.attributes, shop.surroundings, shop.lexicon, settings)
    return rules.first_broken(said) is not None


def _has_length(caption: str, settings: ExplanationsSettings) -> bool:
    return settings.fewest_words <= len(caption_words(caption)) <= settings.most_words


def _has_pseudonym(row: Row, known: Known) -> bool:
    """Whether it names its user, or anybody of the shard."""
    text = plain_of(row["caption"])
    return names_user(text, row["user_id"]) or bool(set(_WORD.findall(text.lower())) & known.categories.keys())


def _is_of_another_category(row: Row, known: Known) -> bool:
    item = known.items.get(row["item_id"])
    return item is not None and item.category not in known.categories.get(row["user_id"], frozenset())
