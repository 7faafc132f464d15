"""The split registry: who is held out, and from when on nothing may be learnt. A rule, fixed before any training.

By user: a user's split follows from a hash of the pseudonym, so users who come later have one too. Pseudonyms follow
from the key outside the lake: lakes under one key agree on every user, lakes under another key have another holdout.
By time: whatever is trained ends before the first held-out outcome begins, whosever it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal

from runtime.errors import DataError
from runtime.fingerprint import digest

# No part of the registry's digest: entities are no users, and a holdout of users stays frozen as it is.
HELD_OUT_ENTITIES = 0.2

Split = Literal["train", "validation", "holdout"]
Touch = Literal["user", "time"]


@dataclass(frozen=True)
class Example:
    """What a training example is made from.

    Args:
        day: the last day of the history. outcomes_until: the day at whose 00:00 its outcomes end, itself excluded.
    """

    user_id: str
    day: str
    outcomes_until: str


@dataclass(frozen=True)
class Registry:
    """The rule. A change of any value is another registry, which a lake refuses once one is frozen.

    Args:
        holdout, validation: shares of the users; the others are trained on. Validation is for early stopping.
        days: evaluation days, each the last day of its history. history_days, outcome_days: lengths of both windows.
        minimum_events, minimum_active_days: least history (reliable behaviors, days) of a held-out user, the same
            that inference asks for, so that every one of them is served.
        leave_out: departments (first level of the category path) that are no intent.
    """

    salt: str = "intentflow split 1"
    holdout: float = 0.4
    validation: float = 0.1
    days: tuple[str, ...] = ("2017-09-06", "2017-10-04", "2017-11-01")
    history_days: int = 90
    outcome_days: int = 14
    minimum_events: int = 30
    minimum_active_days: int = 5
    leave_out: tuple[str, ...] = ("fuel", "miscellaneous")

    @property
    def digest(self) -> str:
        return digest(asdict(self))

    def document(self) -> dict[str, Any]:
        """The rule as JSON keeps it."""
        return {"digest": self.digest, "rule": {**asdict(self), "days": list(self.days)}}

    def split_of(self, user_id: str) -> Split:
        """The split of a user: the hash is salted, so that it has nothing to do with buckets and draws of users."""
        return self._split(user_id, self.holdout)

    def entity_split_of(self, entity_id: str) -> Split:
        """The split of an entity: a fifth is held out, to see what an entity adaptor makes of texts it never saw."""
        return self._split(f"entity\0{entity_id}", HELD_OUT_ENTITIES)

    def _split(self, key: str, holdout: float) -> Split:
        share = int(hashlib.sha256(f"{self.salt}\0{key}".encode()).hexdigest()[:8], 16) / 2**32
        if share < holdout:
            return "holdout"
        return "validation" if share < holdout + self.validation else "train"

    @property
    def trained_until(self) -> str:
        """The day at whose 00:00 UTC every training example must have ended."""
        return next_day(min(self.days))

    def outcomes_until(self, day: str) -> str:
        """The day at whose 00:00 UTC the outcomes of a day end, itself excluded."""
        return add_days(next_day(day), self.outcome_days)

    def history_from(self, day: str) -> str:
        """The first day of a day's history."""
        return add_days(day, 1 - self.history_days)

    def touches(self, example: Example) -> tuple[Touch, ...]:
        """How a training example touches the holdout; empty when it does not.

        By user: it is made of a user that is not in train. By time: its outcomes reach beyond ``trained_until``.
        """
        found: list[Touch] = []
        if self.split_of(example.user_id) != "train":
            found.append("user")
        if max(next_day(example.day), example.outcomes_until) > self.trained_until:
            found.append("time")
        return tuple(found)

    def refuse_leaks(self, examples: Iterable[Example]) -> int:
        """Count training examples, all of which must be clean.

        Raises:
            DataError: one touches the holdout.
        """
        count = 0
        for example in examples:
            if touched := self.touches(example):
                raise DataError(
                    f"The training example of user {example.user_id} after {example.day} (outcomes until "
                    f"{example.outcomes_until}) touches the holdout by {' and '.join(touched)}: train on users of the "
                    f"split train only, with outcomes that end by {self.trained_until}."
                )
            count += 1
        return count

    def training_days(self, first_day: str) -> tuple[str, ...]:
        """Days that training examples may be made of, newest first: their outcome windows follow one another.

        Args:
            first_day: the first day of the log; histories are whole.
        """
        days = []
        day = add_days(self.trained_until, -1 - self.outcome_days)
        while self.history_from(day) >= first_day:
            days.append(day)
            day = add_days(day, -self.outcome_days)
        return tuple(days)


def add_days(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def next_day(day: str) -> str:
    return add_days(day, 1)


def drawn(user_ids: Iterable[str], users: int) -> list[str]:
    """``users`` of the ids (all when 0) by a stable hash, sorted: more users keep the earlier ones."""
    ordered = sorted(set(user_ids), key=lambda user: hashlib.sha256(f"draw\0{user}".encode()).hexdigest())
    return sorted(ordered[:users] if users else ordered)
