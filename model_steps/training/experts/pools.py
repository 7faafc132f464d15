"""What an arbiter is taught: which tags of a pool came true (PAPER 1.4).

A pool to learn from is drawn instead of asked for: most of what the user bought, and some of what everybody buys. So
it costs no model call, and what the arbiter learns does not hang on the experts of one training.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model_steps.agents import ranked_arbiter, ranked_expert
from model_steps.engine.chat import Chat
from model_steps.training.experts.personas import of_customers
from representation.evidence import CategoryEvidence
from settings import Settings

# Of a pool's tags, those that the user bought; and the chance with which each candidate enters, so that pools differ.
OWN = 0.75
ENTERS = 0.8


@dataclass(frozen=True)
class Customer:
    """What an arbiter knows of a user as of a day, and what came true.

    Args:
        own: evidence by label, the most certain first. outcomes: labels.
    """

    user_id: str
    day: str
    own: Mapping[str, CategoryEvidence]
    season: str
    profile: str
    outcomes: frozenset[str]

    def prompt(self, pool: Sequence[str], chat: Chat, settings: Settings) -> tuple[int, ...]:
        """Tokens of the arbiter's prompt about a pool, as inference renders it."""
        messages = ranked_arbiter.messages(pool, self.own, self.day, self.season, self.profile)
        return tuple(chat.tokens(chat.render_to_block(*messages, settings.engine.block_tokens)))


def customers_of(rows: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> list[Customer]:
    """The users of rows of ``examples``, a user and day each, in the order in which they first come.

    Args:
        labels: of the categories.
    """
    found = []
    for personas in of_customers(rows):
        evidence = sorted((one for row in personas for one in row["evidence"]), key=lambda one: one["rank"])
        attributes = ((pair["name"], pair["value"]) for pair in personas[0]["attributes"])
        found.append(
            Customer(
                user_id=personas[0]["user_id"],
                day=personas[0]["day"],
                own={one["label"]: CategoryEvidence(**one) for one in evidence},
                season=personas[0]["season"],
                profile=ranked_expert.profile_line(attributes),
                outcomes=frozenset(labels[category] for row in personas for category in row["outcomes"]),
            )
        )
    return found


def popular(customers: Iterable[Customer]) -> list[str]:
    """Tags that came true, those of the most users first."""
    counts = Counter(tag for customer in customers for tag in customer.outcomes)
    return sorted(counts, key=lambda tag: (-counts[tag], tag))


def draw_pool(own: Sequence[str], others: Sequence[str], size: int, chance: random.Random) -> list[str]:
    """A pool of tags, each once.

    Args:
        own: what the user bought, the most certain first. others: what everybody buys, the most frequent first.
        size: of the pool; smaller where there is less.
        chance: draws.
    """
    mine = [tag for tag in own if chance.random() < ENTERS][: round(size * OWN)]
    rest = [tag for tag in others if tag not in set(own) and chance.random() < ENTERS]
    return [*mine, *rest[: size - len(mine)]]


def target_shares(pool: Sequence[str], outcomes: frozenset[str]) -> dict[str, float]:
    """The target distribution of a pool: the same for each tag that came true; empty where none did."""
    hits = [tag for tag in pool if tag in outcomes]
    return dict.fromkeys(hits, 1 / len(hits)) if hits else {}
