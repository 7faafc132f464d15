"""The split rule: who is held out, and from when on nothing may be learnt. Fixed before any training.

By user: a user's split follows from a hash of the pseudonym, so users who come later have one too. Pseudonyms follow
from the key outside the lake: lakes under one key agree on every user, lakes under another key have another holdout.
By time: whatever is trained ends before the first held-out outcome begins, whosever it is.

Spark jobs, training and evaluation read the same rule; ``lake.registry.evaluation_file`` reads a log's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal

from runtime.errors import DataError
from runtime.fingerprint import digest

# No part of the rule's digest: entities are no users, and a holdout of users stays frozen as it is.
HELD_OUT_ENTITIES = 0.2

Split = Literal["train", "validation", "holdout"]
Touch = Literal["user", "time"]


@dataclass(frozen=True)
class TrainingWindow:
    """What a training example is made from.

    Args:
        user_id: whose history and outcomes it holds.
        day: the last day of the history.
        outcomes_until: the day at whose 00:00 its outcomes end, itself excluded.
    """

    user_id: str
    day: str
    outcomes_until: str


@dataclass(frozen=True)
class SplitRule:
    """The rule. A change of any value but ``days`` is another rule, which a lake refuses once one is frozen.

    Args:
        days: evaluation days in order, each the last day of its history. Later ones may be added at any time.
        leave_out: departments (first level of the category path) that are no intent.
        salt: of the hash that users are split by.
        holdout: share of the users that is held out.
        validation: share for early stopping; the others are trained on.
        history_days: length of a history.
        outcome_days: length of the window of outcomes.
        minimum_events: reliable behaviors that a held-out user's history has at least.
        minimum_active_days: days that it has them on, at least. Inference asks for the same, so that all are served.
    """

    days: tuple[str, ...]
    leave_out: tuple[str, ...] = ()
    salt: str = "intentflow split 1"
    holdout: float = 0.4
    validation: float = 0.1
    history_days: int = 90
    outcome_days: int = 14
    minimum_events: int = 30
    minimum_active_days: int = 5

    @property
    def digest(self) -> str:
        """Names what decides about a day. The list of days does not, so adding one leaves the others' names."""
        return digest({name: value for name, value in asdict(self).items() if name != "days"})

    @property
    def digests(self) -> frozenset[str]:
        """All digests that this rule was ever recorded under.

        Lakes and releases of before named a rule together with its days. Days are only added at the end, so what was
        recorded then is the digest of some beginning of today's list.
        """
        beginnings = (self.days[:number] for number in range(1, len(self.days) + 1))
        return frozenset({self.digest, *(digest({**asdict(self), "days": days}) for days in beginnings)})

    def document(self) -> dict[str, Any]:
        """The rule as a lake keeps it: all but the days, and from when on nothing may be learnt."""
        rule = {name: value for name, value in asdict(self).items() if name != "days"}
        return {"digest": self.digest, "rule": rule, "trained_until": self.trained_until}

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
        """The day at whose 00:00 UTC every training example must have ended: the first evaluation day's end."""
        return next_day(min(self.days))

    def outcomes_until(self, day: str) -> str:
        """The day at whose 00:00 UTC the outcomes of a day end, itself excluded."""
        return add_days(next_day(day), self.outcome_days)

    def history_from(self, day: str) -> str:
        """The first day of a day's history."""
        return add_days(day, 1 - self.history_days)

    def touches(self, window: TrainingWindow) -> tuple[Touch, ...]:
        """How a training example touches the holdout; empty when it does not.

        By user: it is made of a user that is not in train. By time: its outcomes reach beyond ``trained_until``.
        """
        touched: list[Touch] = []
        if self.split_of(window.user_id) != "train":
            touched.append("user")
        if max(next_day(window.day), window.outcomes_until) > self.trained_until:
            touched.append("time")
        return tuple(touched)

    def refuse_leaks(self, windows: Iterable[TrainingWindow]) -> int:
        """Count training examples, all of which must be clean.

        Raises:
            DataError: one touches the holdout.
        """
        count = 0
        for window in windows:
            if touched := self.touches(window):
                raise DataError(
                    f"The training example of user {window.user_id} after {window.day} (outcomes until "
                    f"{window.outcomes_until}) touches the holdout by {' and '.join(touched)}: train on users of the "
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


def log_until(last_day: date | None, today: date) -> str:
    """The day after the last one that a log can have, as YYYY-MM-DD: of a live log yesterday is the last."""
    return min(next_day(last_day.isoformat()) if last_day else "9999-12-31", today.isoformat())


def drawn(user_ids: Iterable[str], users: int, salt: str = "draw\0") -> list[str]:
    """``users`` of the ids (all when 0) by a stable hash, sorted: more users keep the earlier ones.

    Args:
        user_ids: whom to draw from.
        users: how many.
        salt: of the hash; draws under different salts have nothing to do with one another.
    """
    ordered = sorted(set(user_ids), key=lambda user: hashlib.sha256(f"{salt}{user}".encode()).hexdigest())
    return sorted(ordered[:users] if users else ordered)
