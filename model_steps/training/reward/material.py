"""What a reward model learns and is validated by: the tiers of a lake's judged outputs, as groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluation.leaks import rollups_digest
from lake.delta import tables
from lake.registry.splits import SplitRule, drawn
from lake.store.location import Lake
from model_steps.engine.chat import Chat
from model_steps.judge.case import KIND
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.counting import Counting
from model_steps.judge.customers import read_cases, read_catalog_facts
from model_steps.judge.features import Popularity
from model_steps.judge.reward.groups import Group, encoder, grouped, log_odds
from model_steps.judge.reward.shops import shops_of
from model_steps.judge.reward.tiered import TieredCase, fewer, tiered
from model_steps.training.judge.material import read_rows, refuse_leaks
from model_steps.training.reward.stored import READING
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import digest
from schemas.judge_labels import TABLE
from settings import JudgeSettings, Settings

Row = Mapping[str, Any]
LEARNT, VALIDATED = "train", "validation"


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
        SourceMissing: there are no labels, or what was known of their customers is not there.
        DataError: a label touches the holdout. UsageError: none is of train, or none of validation.
    """
    rows: Sequence[Row] = read_rows(lake, days)
    refuse_leaks(rows, rule, settings.judge_labels.outcome_days)
    splits = {row["split"] for row in rows}
    if missing := [split for split in (LEARNT, VALIDATED) if split not in splits]:
        raise UsageError(f"No label is of a user of the split {missing[0]}: build labels of more users.")
    chosen = settings.reward
    of_days = sorted({row["day"] for row in rows})
    rows = _drawn(rows, max(of_days), chosen.validation_users)
    found = read_tiered(lake, rule, rows, settings)
    groups = {
        split: found.groups(
            fewer(found.of_split(rule, split), chosen.candidates, chosen.seed), counting, reading(settings)
        )
        for split in (LEARNT, VALIDATED)
    }
    users = sorted({row["user_id"] for row in rows if row["split"] == LEARNT})
    return Material(
        groups[LEARNT],
        groups[VALIDATED],
        {
            "day": max(of_days),
            "days": of_days,
            # What users never touched is known until then.
            "trained_until": rule.trained_until,
            "registry": rule.digest,
            "population": {day: rollups_digest(lake, day) for day in of_days},
            "users": len(users),
            "users_digest": digest(users),
            "label_rows": len(rows),
            "labels_digest": digest([[row[name] for name in (*TABLE.key, "label", "split")] for row in rows]),
            "threshold": settings.judge.threshold,
            "reading": reading(settings).model_dump(include=set(READING)),
        },
    )


def reading(settings: Settings) -> JudgeSettings:
    """How prompts are made of cases."""
    return settings.judge.model_copy(update={"evidence_tokens": settings.reward.evidence_tokens})


def _drawn(rows: Sequence[Row], newest: str, users: int) -> list[Row]:
    """All rows of train, and those of some validation users on the newest day: half of them ones who were served."""
    known = [row for row in rows if row["split"] == VALIDATED and row["day"] == newest]
    served = drawn((row["user_id"] for row in known if row["release"]), -(-users // 2))
    left = users - len(served)
    others = drawn((row["user_id"] for row in known if row["user_id"] not in served), left) if left else []
    kept = {(user, newest) for user in (*served, *others)}
    return [row for row in rows if row["split"] == LEARNT or (row["user_id"], row["day"]) in kept]


@dataclass(frozen=True)
class Tiered:
    """Tiered cases with what shows them.

    Args:
        cases: sorted by group. popularity: by day.
    """

    chat: Chat
    facts: CatalogFacts
    cases: list[TieredCase]
    popularity: Mapping[str, Popularity]

    def of_split(self, rule: SplitRule, split: str) -> list[TieredCase]:
        """Those of users of a split."""
        return [one for one in self.cases if rule.split_of(one.case.customer.user_id) == split]

    def groups(self, some: Sequence[TieredCase], counting: Counting | None, reading: JudgeSettings) -> list[Group]:
        """Some of the cases as a reward model reads them.

        Args:
            counting: whose chances the prompt tells. reading: how prompts are made of cases.
        """
        cases = [one.case for one in some]
        shops = shops_of(self.facts, cases, self.popularity, counting)
        tiers = [one.tier for one in some]
        found = grouped(cases, encoder(self.chat, shops, reading), tiers, log_odds(shops))
        return [replace(group, real=any(some[place].real for place in group.places)) for group in found]


def read_holdout(lake: Lake, rule: SplitRule, days: Sequence[str]) -> list[Row]:
    """Labels of held-out users, by which a reward model is measured.

    Args:
        days: none: all.

    Raises:
        SourceMissing: there are none. DataError: the split rule says otherwise of a user.
    """
    wanted = [("split", "=", "holdout"), ("kind", "=", KIND), *([("day", "in", list(days))] if days else [])]
    rows: list[Row] = tables.read(lake, TABLE, filters=wanted).to_pylist()
    if not rows:
        of_days = f" of {', '.join(days)}" if days else ""
        raise SourceMissing(
            f"The table {TABLE.name} in {lake.root} has no labels{of_days} of held-out users: build them with `python "
            "-m model_steps.build_judge_labels`."
        )
    if strange := sorted({row["user_id"] for row in rows if rule.split_of(row["user_id"]) != "holdout"}):
        raise DataError(
            f"The labels of user {strange[0]} say holdout, and by the split rule the user is of "
            f"{rule.split_of(strange[0])}: build them anew."
        )
    return rows


def read_tiered(lake: Lake, rule: SplitRule, rows: Sequence[Row], settings: Settings) -> Tiered:
    """The cases that rows give a tier, with what was known of their customers.

    Raises:
        As ``judge.customers.read_cases``.
    """
    facts = read_catalog_facts(lake)
    cases, popularity = read_cases(lake, rows, rule, facts.vectors, settings)
    return Tiered(Chat(settings.engine.model), facts, tiered(rows, cases, settings.judge.threshold), popularity)
