"""What a judge says of the tags that an evaluation asked of a release: whose tags, and what is kept for gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.actions import known_categories
from evaluation.comparison import LISTED
from evaluation.gate.judged import TIERS, judged_rows
from evaluation.grid import Grid
from lake.registry import user_results
from lake.registry.champions import who
from lake.registry.openings import Look
from lake.registry.splits import drawn
from lake.registry.user_results import Header, UserResults
from lake.store.location import Lake
from model_steps.evaluating.results import SAMPLED_USERS, asked_with, lists_digest
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import digest
from settings import Settings

Row = Mapping[str, Any]


def evaluated(lake: Lake, release: str, day: str, path: str | None, settings: Settings) -> UserResults:
    """What ``model_steps.evaluate`` kept of a release.

    Args:
        path: of the results, as its manifest names them; none: those that were asked with these settings.

    Raises:
        SourceMissing: the release was not evaluated on the day. DataError: the results were changed.
        UsageError: they are of another release or day, were asked with other settings, or there are several.
    """
    how = f"`python -m model_steps.evaluate --release {release} --day {day}`"
    if path is not None:
        results = user_results.read(lake, path)
        said = results.header
        if (said.release, said.day) != (release, day):
            raise UsageError(
                f"{lake.uri(path)} is of {said.release} on {said.day}, not of {release} on {day}: name its own results."
            )
        found = {path: results}
    elif not (found := user_results.of_release(lake, day, release)):
        raise SourceMissing(f"{release} was not evaluated on {day} in {lake.root}: run {how} first.")
    asked = asked_with(settings)
    same = {place: each for place, each in found.items() if all(each.header.asked.get(k) == asked[k] for k in asked)}
    if not same:
        raise UsageError(
            f"{release} was evaluated on {day} with other settings of inference or of the engine's number type than "
            f"these: set them as then, or run {how} again."
        )
    if len(same) > 1:
        raise UsageError(
            f"{release} was evaluated on {day} more than once, name one with --results: {', '.join(same)}."
        )
    return next(iter(same.values()))


def refuse_other_tags(lake: Lake, measured: UserResults, users: Sequence[str], tags: Sequence[Row]) -> None:
    """Refuse tags that are not those that the figures are of.

    Args:
        lake: has the catalog. users: on whom the release was measured. tags: rows of ``intents`` of theirs.

    Raises:
        DataError: they are others.
    """
    lists: dict[str, list[str]] = {user: [] for user in users}
    for row in sorted(tags, key=lambda row: (row["user_id"], row["rank"])):
        lists[row["user_id"]].append(row["category"])
    scores = Grid.of(users, known_categories(lake)).ranked(lists, LISTED)
    if lists_digest(tuple(users), scores) != measured.header.outputs:
        header = measured.header
        raise DataError(
            f"The tags that are kept of {header.release} for {header.day} are not those that it was measured with: run "
            f"`python -m model_steps.evaluate --release {header.release} --day {header.day}` again."
        )


def chosen(measured: UserResults, users: int, seed: int) -> list[str]:
    """Whose tags are judged, sorted: by a hash of day and user, whatever the release said, so of all releases the same.

    Args:
        users: how many, 0 for all. seed: of the draw.
    """
    known = set(measured.rows["user_id"].to_pylist())
    return drawn(known, users, salt=f"judge {seed} {measured.header.day}\0")


def first_tags(tags: Sequence[Row], users: Sequence[str], number: int) -> list[Row]:
    """The first tags of each of some users, user by user in the order of rank."""
    wanted = set(users)
    own = (row for row in tags if row["user_id"] in wanted and row["rank"] <= number)
    return sorted(own, key=lambda row: (row["user_id"], row["rank"]))


def look_of(measured: UserResults, asked: Mapping[str, Any], users: int, tags: int) -> Look:
    """The judge's look at a release, under a digest of whose tags are judged by whom.

    Args:
        asked: as in the results' header. users, tags: how many.
    """
    header = measured.header
    what = digest([header.day, header.holdout, header.release, header.outputs, dict(asked)])
    why = f"the first {tags} tags of each, judged"
    return Look(header.day, what, header.release, tuple(TIERS), users, who(), why)


def keep(
    lake: Lake,
    measured: UserResults,
    opening: str,
    asked: Mapping[str, Any],
    made_with: Mapping[str, Any],
    outputs: Sequence[Row],
    tiers: Sequence[str],
) -> tuple[str, UserResults]:
    """Keep a judge's verdicts on a release, user by user; returns their path and themselves.

    Args:
        opening: digest of the look in the ledger.
        asked: what two releases must share to be compared: users, tags, judge, record and code.
        made_with: further digests, by name.
        outputs: rows of ``intents``. tiers: of these, in their order.
    """
    by_user: dict[str, list[str]] = {}
    said: dict[str, list[str]] = {}
    for row, tier in zip(outputs, tiers, strict=True):
        by_user.setdefault(row["user_id"], []).append(tier)
        said.setdefault(row["user_id"], []).append(f"{row['tag']} ({tier})")
    header = Header(
        release=measured.header.release,
        day=measured.header.day,
        holdout=measured.header.holdout,
        opening=opening,
        outputs=measured.header.outputs,
        asked=asked,
        made_with=made_with,
        samples={user: said[user] for user in drawn(said, SAMPLED_USERS)},
    )
    results = UserResults(header, judged_rows(measured.rows, by_user))
    return user_results.put(lake, results, user_results.JUDGED), results
