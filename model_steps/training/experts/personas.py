"""Examples of the lake as prompts with what they teach, and the users that validation ranks for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.delta import tables
from lake.registry.splits import SplitRule, TrainingWindow
from lake.store.location import Lake
from model_steps.agents import ranked_expert
from model_steps.engine.chat import Chat
from representation.evidence import CategoryEvidence
from runtime.errors import DataError, SourceMissing
from schemas import examples
from settings import Settings


@dataclass(frozen=True)
class PersonaExample:
    """One row of ``examples``, as training needs it.

    Args:
        prompt: tokens of the expert's prompt.
        outcomes: labels of the categories that came true. shown: labels of the evidence.
    """

    user_id: str
    day: str
    persona: int
    split: str
    prompt: tuple[int, ...]
    outcomes: tuple[str, ...]
    shown: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, int]:
        """User, day and number of the persona."""
        return self.user_id, self.day, self.persona


def prompt_of(row: Mapping[str, Any], chat: Chat, settings: Settings) -> str:
    """An example's prompt, rendered as inference renders a persona's."""
    system, user = ranked_expert.messages(
        row["names"][0],
        [CategoryEvidence(**one) for one in row["evidence"]],
        row["day"],
        row["season"],
        ranked_expert.profile_line((pair["name"], pair["value"]) for pair in row["attributes"]),
        chat.count,
        settings.examples.tokens,
    )
    return chat.render_to_block(system, user, settings.engine.block_tokens)


def read_days(lake: Lake, days: Sequence[str], source: str = examples.BEHAVIOR) -> list[dict[str, Any]]:
    """Rows of ``examples`` of some days.

    Raises:
        SourceMissing: a day has none.
    """
    rows: list[dict[str, Any]] = []
    for day in days:
        found = tables.read(lake, examples.TABLE, day, filters=[("source", "=", source)]).to_pylist()
        if not found:
            raise SourceMissing(
                f"The table examples in {lake.root} has none of {day} whose source is {source}: make them with "
                f"`python -m spark_jobs.examples --day {day}`, audit and publish them."
            )
        rows += found
    return rows


def refuse_leaks(rows: Iterable[Mapping[str, Any]], rule: SplitRule) -> None:
    """See that nothing of the holdout is learnt, whatever the table says of splits.

    Raises:
        DataError: a user is held out, or an outcome lies past the split.
    """
    for row in rows:
        window = TrainingWindow(row["user_id"], row["day"], row["outcomes_until"])
        if rule.split_of(row["user_id"]) != row["split"] or row["split"] not in examples.SPLITS:
            raise DataError(
                f"The example of user {row['user_id']} after {row['day']} is of the split "
                f"{rule.split_of(row['user_id'])} and says {row['split']}: make the table examples anew."
            )
        if row["split"] == "train":
            rule.refuse_leaks([window])
        elif "time" in rule.touches(window):
            raise DataError(
                f"The example of user {row['user_id']} after {row['day']} has outcomes until {row['outcomes_until']}, "
                f"past {rule.trained_until}: nothing may be learnt or stopped by from then on."
            )


def stable_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in an order that has nothing to do with users, days or the table's files."""

    def key(row: Mapping[str, Any]) -> str:
        return hashlib.sha256(f"{row['user_id']}\0{row['day']}\0{row['persona']}".encode()).hexdigest()

    return sorted(rows, key=key)


def of_customers(rows: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Rows by customer and day, in the order of their first ones."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["user_id"], row["day"]), []).append(row)
    return list(found.values())


def example_of(row: Mapping[str, Any], labels: Mapping[str, str], chat: Chat, settings: Settings) -> PersonaExample:
    """A row with its prompt's tokens.

    Args:
        labels: of the categories.
    """
    return PersonaExample(
        row["user_id"],
        row["day"],
        row["persona"],
        row["split"],
        tuple(chat.tokens(prompt_of(row, chat, settings))),
        tuple(labels[category] for category in row["outcomes"]),
        tuple(one["label"] for one in row["evidence"]),
    )
