"""Whether a release may be judged on a day: it learnt before it, under the same rule, with the same people held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lake.delta import tables
from lake.registry.releases import EXPERTS, EXPLAINER, Release
from lake.registry.splits import SplitRule, next_day
from lake.store.location import Lake
from runtime.errors import SourceMissing, UsageError
from runtime.fingerprint import digest
from schemas import contexts, rollups


@dataclass(frozen=True)
class Learnt:
    """What a part of a release says of how it learnt.

    Args:
        who: the part, for a sentence.
        record: of its training.
        outcomes: whether it learnt from what came after its days.
    """

    who: str
    record: Mapping[str, Any]
    outcomes: bool = False

    @property
    def until(self) -> str | None:
        """The day at whose 00:00 UTC all that it learnt from had ended; None where its record does not say.

        A record without the field is of what learnt from histories alone: they end with their day.
        """
        if until := self.record.get("trained_until"):
            return str(until)
        return next_day(str(self.record["day"])) if self.record.get("day") and not self.outcomes else None

    @property
    def populations(self) -> dict[str, str | None]:
        """Digest of all users with a context, by day: of the day that it learnt from, or of each of several.

        Pseudonyms are the same on all days, so one day shows whether they are others here.
        """
        said = self.record.get("population")
        if isinstance(said, Mapping):
            return {str(day): str(name) for day, name in said.items()}
        return {str(self.record["day"]): said} if self.record.get("day") else {}


def learnt(release: Release) -> list[Learnt]:
    """The parts of a release that learnt from users: of its entity adaptor's record, its experts', its explainer's.

    An adaptor may learn from no user, from the catalog alone; experts and explainer cannot.
    """
    parts = []
    if release.training.get("users"):
        parts.append(Learnt(f"The release {release.name}", release.training))
    adapters = set(release.adapters.values())
    if EXPERTS in release.training or adapters - {EXPLAINER}:
        record = release.training.get(EXPERTS) or {}
        parts.append(Learnt(f"The release {release.name}, by its experts,", record, outcomes=True))
    if EXPLAINER in release.training or EXPLAINER in adapters:
        record = release.training.get(EXPLAINER) or {}
        parts.append(Learnt(f"The release {release.name}, by its explainer,", record, outcomes=True))
    return parts


def training_days(release: Release) -> list[str]:
    """The days whose contexts show whom a release knows, sorted."""
    return sorted({day for part in learnt(release) for day in part.populations})


def refuse_leaks(lake: Lake, release: Release, rule: SplitRule, day: str) -> None:
    """Refuse a release of which a part may know what it is judged on. One that learnt from no user knows nothing.

    Args:
        lake: has the contexts of the days that the release learnt from.
        release: with its training record.
        rule: who is held out.
        day: the evaluation day.

    Raises:
        UsageError: it learnt too late, under another rule, or where other people are held out.
        SourceMissing: the contexts that would tell are not there.
    """
    for part in learnt(release):
        refuse_late(part, day)
        refuse_other_rule(part, rule)
        refuse_other_people(lake, part)


def refuse_late(part: Learnt, day: str) -> None:
    """Refuse what learnt from what happened after an evaluation day's end.

    Raises:
        UsageError: its cut-off is later, or its record names none.
    """
    if part.until is None:
        raise UsageError(
            f"{part.who} does not say until when it learnt, so it cannot be judged on {day}: train it anew."
        )
    if part.until > next_day(day):
        raise UsageError(
            f"{part.who} learnt from what happened until {part.until}, after the first day that it would be judged on "
            f"({next_day(day)}): judge it on a later evaluation day, or train it on earlier ones."
        )


def refuse_other_rule(part: Learnt, rule: SplitRule) -> None:
    """Refuse what was trained under another split rule: its train users may be held out here.

    Raises:
        UsageError: the record names another rule, or none.
    """
    if part.record.get("registry") not in rule.digests:
        raise UsageError(
            f"{part.who} was trained under the split rule {part.record.get('registry')}, and here it is {rule.digest}: "
            "it may know whom this rule holds out. Train it under this rule."
        )


def refuse_other_people(lake: Lake, part: Learnt) -> None:
    """Refuse what was trained under another pseudonym key: whom this lake holds out, it may have learnt from.

    Raises:
        UsageError: the users of a training day are others here, or the record names no such day.
        SourceMissing: the lake has no contexts of that day.
    """
    if not part.populations:
        raise UsageError(f"{part.who} does not say from whom and of which day it learnt: train it anew.")
    for day, population in part.populations.items():
        users = _users_on(lake, day)
        if not users:
            raise SourceMissing(
                f"Whether {part.who[0].lower()}{part.who[1:]} knows the people of {lake.root} is seen on the contexts "
                f"of {day}, and there are none: make them with `python -m spark_jobs.compress --day {day}`, audit and "
                "publish them."
            )
        if digest(users) != population:
            raise UsageError(
                f"{part.who} learnt from users of {day} who are others on {lake.root}: it was trained under another "
                "pseudonym key, and may know whom this lake holds out. Train it on this lake."
            )


def rollups_digest(lake: Lake, day: str) -> str:
    """Digest of all users who did anything on a day: a lake under another pseudonym key has another one."""
    return digest(sorted(set(tables.read(lake, rollups.TABLE, day, columns=["user_id"])["user_id"].to_pylist())))


def refuse_known(who: str, record: Mapping[str, Any], lake: Lake, rule: SplitRule, day: str) -> None:
    """Refuse a judge, or a reward model, that may know what held-out users of a lake did after a day.

    Args:
        who: the model, for a sentence.
        record: of its training, with the users' digest of each day that it learnt of (``rollups_digest``).

    Raises:
        UsageError: it learnt too late, under another split rule, or of people who are others here.
    """
    until = record.get("trained_until")
    if until is None or until > next_day(day):
        raise UsageError(f"{who} learnt until {until}, past {next_day(day)}: train it on earlier days.")
    if record.get("registry") not in rule.digests:
        raise UsageError(
            f"{who} was trained under the split rule {record.get('registry')}, and here it is {rule.digest}: it may "
            "know whom this rule holds out. Train it under this rule."
        )
    known = dict(record.get("population") or {})
    if not known or any(rollups_digest(lake, day) != said for day, said in known.items()):
        raise UsageError(
            f"{who} learnt of users who are others in {lake.root}, or does not say of whom: it may know whom this lake "
            "holds out. Train it on this lake's labels."
        )


def population_digest(lake: Lake, day: str) -> str:
    """Digest of all users with a context on a day: lakes under another pseudonym key have another one."""
    return digest(_users_on(lake, day))


def _users_on(lake: Lake, day: str) -> list[str]:
    return sorted(tables.read(lake, contexts.TABLE, day, columns=["user_id"])["user_id"].to_pylist())
