"""What a reward model learns and is validated by: the tiers of a lake's judged outputs, as groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.delta import tables
from lake.registry.splits import SplitRule, TrainingWindow, add_days, drawn, next_day
from lake.store.location import Lake
from model_steps.embedding.embedder import Embedder
from model_steps.engine.chat import Chat
from model_steps.judge.counting import Counting
from model_steps.judge.customers import read_cases, read_catalog_facts
from model_steps.judge.reward.groups import Group, encoder, grouped
from model_steps.judge.reward.shops import read_shops
from model_steps.judge.reward.tiered import TieredCase, fewer, tiered
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import digest
from schemas import judge_labels, rollups
from settings import Settings

Row = Mapping[str, Any]
LEARNT, VALIDATED = "train", "validation"
# What of a label decides about a training.
_TOLD = ("item_id", "dimension", "label", "origin", "annotator", "release")


@dataclass(frozen=True)
class Material:
    """The groups of some training days.

    Args:
        learnt, validated: of users of train and of validation.
        about: what the record says of whom and of what was learnt.
    """

    learnt: list[Group]
    validated: list[Group]
    about: dict[str, Any]


def read_material(
    lake: Lake, rule: SplitRule, days: Sequence[str], settings: Settings, counting: Counting | None
) -> Material:
    """Read the tiered outputs of days, as the reward model reads them.

    Args:
        days: training days; none: all that have labels of train users.
        counting: of the judge, whose chances the prompt tells; none: it tells none.

    Raises:
        SourceMissing: there are no such labels, or what was known of their customers is not there.
        DataError: a label touches the holdout.
    """
    rows = read_rows(lake, (LEARNT, VALIDATED), days)
    refuse_leaks(rows, rule, settings.judge_labels.outcome_days)
    chosen = settings.reward
    found = read_tiered(lake, rule, rows, settings)
    of_split = {
        split: fewer(
            [one for one in found.cases if rule.split_of(one.group[1]) == split], chosen.candidates, chosen.seed
        )
        for split in (LEARNT, VALIDATED)
    }
    validating = set(drawn((one.group[1] for one in of_split[VALIDATED]), chosen.validation_users))
    of_split[VALIDATED] = [one for one in of_split[VALIDATED] if one.group[1] in validating]
    groups = {split: found.groups(some, counting, chosen.evidence_tokens) for split, some in of_split.items()}
    of_train = [row for row in rows if row["split"] == LEARNT]
    users = sorted({one.group[1] for one in of_split[LEARNT]})
    return Material(
        groups[LEARNT],
        groups[VALIDATED],
        {
            "day": max(row["day"] for row in of_train),
            "days": sorted({row["day"] for row in of_train}),
            "trained_until": rule.trained_until,
            "registry": rule.digest,
            "rolled_up_users": {day: users_digest(lake, day) for day in sorted({row["day"] for row in of_train})},
            "users": len(users),
            "users_digest": digest(users),
            "validation_users": len(validating),
            "label_rows": len(rows),
            "labels_digest": digest(sorted([str(row[name]) for name in _TOLD] for row in rows)),
            "threshold": settings.judge.threshold,
        },
    )


@dataclass(frozen=True)
class Tiered:
    """Tiered cases with what shows them.

    Args:
        cases: sorted by group. popularity: by day.
    """

    lake: Lake
    settings: Settings
    cases: list[TieredCase]
    popularity: Mapping[str, Mapping[str, float]]

    def groups(self, some: Sequence[TieredCase], counting: Counting | None, tokens: int) -> list[Group]:
        """Some of the cases as the reward model reads them.

        Args:
            tokens: that the lines of a customer's purchases may have.
        """
        cases = [one.case for one in some]
        name = Embedder(self.settings.embedder.model).name
        shops = read_shops(self.lake, name, cases, self.popularity, counting)
        encode = encoder(Chat(self.settings.engine.model), shops, tokens)
        return grouped(cases, encode, [one.tier for one in some])


def read_rows(lake: Lake, splits: Sequence[str], days: Sequence[str]) -> list[Row]:
    """Rows of ``judge_labels`` of tags of some splits.

    Args:
        days: none: all.

    Raises:
        SourceMissing: a split has none, of a day that is named or of any.
    """
    wanted: list[tuple[str, str, Any]] = [("split", "in", list(splits)), ("kind", "=", "tag")]
    if days:
        wanted.append(("day", "in", list(days)))
    there = tables.open_table(lake, judge_labels.TABLE) is not None
    rows = tables.read(lake, judge_labels.TABLE, filters=wanted).to_pylist() if there else []
    known = {(row["split"], row["day"]) for row in rows} | {(row["split"], "") for row in rows}
    for split in splits:
        for day in days or [""]:
            if (split, day) not in known:
                of_day = f" of {day}" if day else ""
                raise SourceMissing(
                    f"The table judge_labels in {lake.root} has no labels{of_day} of users of {split}: run `python -m "
                    "model_steps.build_judge_labels`, or name other days."
                )
    return rows


def refuse_leaks(rows: Iterable[Row], rule: SplitRule, outcome_days: int) -> None:
    """See that nothing of the holdout is learnt, whatever the table says of splits.

    Args:
        outcome_days: of the labels' window of purchases.

    Raises:
        DataError: a user is held out, or an outcome lies past the split.
    """
    for user, day, split in sorted({(row["user_id"], row["day"], row["split"]) for row in rows}):
        if rule.split_of(user) != split or split not in (LEARNT, VALIDATED):
            raise DataError(
                f"The labels of user {user} on {day} say {split}, and by the split rule the user is of "
                f"{rule.split_of(user)}: a reward model learns of neither held-out users nor such labels. Build the "
                "table judge_labels anew."
            )
        window = TrainingWindow(user, day, add_days(next_day(day), outcome_days))
        if split == LEARNT:
            rule.refuse_leaks([window])
        elif "time" in rule.touches(window):
            raise DataError(
                f"The labels of user {user} on {day} know outcomes until {window.outcomes_until}, past "
                f"{rule.trained_until}: nothing may be learnt or stopped by from then on."
            )


def read_tiered(lake: Lake, rule: SplitRule, rows: Sequence[Row], settings: Settings) -> Tiered:
    """The cases that rows give a tier, with what was known of their customers.

    Raises:
        As ``judge.customers.read_cases``.
    """
    name = Embedder(settings.embedder.model).name
    cases, popularity = read_cases(lake, rows, rule, read_catalog_facts(lake, name).vectors, settings)
    return Tiered(lake, settings, tiered(rows, cases, settings.judge.threshold), popularity)


def users_digest(lake: Lake, day: str) -> str:
    """Digest of all users that did anything on a day: a lake under another pseudonym key has another one."""
    return digest(sorted(set(tables.read(lake, rollups.TABLE, day, columns=["user_id"])["user_id"].to_pylist())))


def refuse_other_lake(lake: Lake, record: Mapping[str, Any], rule: SplitRule, day: str) -> None:
    """See that a reward model may be measured by what held-out users did after a day.

    Args:
        record: of its training.

    Raises:
        UsageError: it learnt too late, under another split rule, or of people who are others here.
    """
    until = str(record.get("trained_until") or "9999")
    if until > next_day(day):
        raise UsageError(f"The reward model learnt until {until}, and may not be measured on {day}: name a later day.")
    if record.get("registry") not in rule.digests:
        raise UsageError(
            f"The reward model was trained under the split rule {record.get('registry')}, and here it is "
            f"{rule.digest}: it may know whom this rule holds out. Train it under this rule."
        )
    known = dict(record.get("rolled_up_users") or {})
    if not known or any(users_digest(lake, day) != said for day, said in known.items()):
        raise UsageError(
            f"The reward model learnt of users who are others on {lake.root}, or does not say of whom: it may know "
            "whom this lake holds out. Train it on this lake's labels."
        )
