"""Whether a release may be judged on a day: it learnt before it, under the same rule, with the same people held out."""

from __future__ import annotations

from lake.delta import tables
from lake.registry.releases import Release
from lake.registry.splits import SplitRule, next_day
from lake.store.location import Lake
from runtime.errors import SourceMissing, UsageError
from runtime.fingerprint import digest
from schemas import contexts


def refuse_leaks(lake: Lake, release: Release, rule: SplitRule, day: str) -> None:
    """Refuse a release that may know what it is judged on. One that learnt from no user knows nothing.

    Args:
        lake: has the contexts of the day that the release learnt from.
        release: with its training record.
        rule: who is held out.
        day: the evaluation day.

    Raises:
        UsageError: it learnt too late, under another rule, or where other people are held out.
        SourceMissing: the contexts that would tell are not there.
    """
    if not release.training.get("users"):
        return
    refuse_late(release, day)
    refuse_other_rule(release, rule)
    refuse_other_people(lake, release)


def trained_until(release: Release) -> str | None:
    """The day at whose 00:00 UTC all that a release learnt from had ended; None where its record does not say.

    A record without the field is of a release that learnt from histories alone: they end with their day.
    """
    if until := release.training.get("trained_until"):
        return str(until)
    return next_day(str(release.training["day"])) if release.training.get("day") else None


def refuse_late(release: Release, day: str) -> None:
    """Refuse a release that learnt from what happened after an evaluation day's end.

    Raises:
        UsageError: its cut-off is later, or its record names none.
    """
    until = trained_until(release)
    if until is None:
        raise UsageError(
            f"The record of the release {release.name} does not say until when it learnt, so it cannot be judged on "
            f"{day}: train it anew."
        )
    if until > next_day(day):
        raise UsageError(
            f"The release {release.name} learnt from what happened until {until}, after the first day that it would be "
            f"judged on ({next_day(day)}): judge it on a later evaluation day, or train it on earlier ones."
        )


def refuse_other_rule(release: Release, rule: SplitRule) -> None:
    """Refuse a release that was trained under another split rule: its train users may be held out here.

    Raises:
        UsageError: the record names another rule, or none.
    """
    if release.training.get("registry") not in rule.digests:
        raise UsageError(
            f"The release {release.name} was trained under the split rule {release.training.get('registry')}, and here "
            f"it is {rule.digest}: it may know whom this rule holds out. Train it under this rule."
        )


def refuse_other_people(lake: Lake, release: Release) -> None:
    """Refuse a release trained under another pseudonym key: whom this lake holds out, it may have learnt from.

    Raises:
        UsageError: the users of its training day are others here.
        SourceMissing: the lake has no contexts of that day.
    """
    day = str(release.training["day"])
    users = _users_on(lake, day)
    if not users:
        raise SourceMissing(
            f"Whether the release {release.name} knows the people of {lake.root} is seen on the contexts of {day}, and "
            f"there are none: make them with `python -m spark_jobs.compress --day {day}`, audit and publish them."
        )
    if digest(users) != release.training.get("population"):
        raise UsageError(
            f"The release {release.name} learnt from users of {day} who are others on {lake.root}: it was trained "
            "under another pseudonym key, and may know whom this lake holds out. Train it on this lake."
        )


def population_digest(lake: Lake, day: str) -> str:
    """Digest of all users with a context on a day: lakes under another pseudonym key have another one."""
    return digest(_users_on(lake, day))


def _users_on(lake: Lake, day: str) -> list[str]:
    return sorted(tables.read(lake, contexts.TABLE, day, columns=["user_id"])["user_id"].to_pylist())
