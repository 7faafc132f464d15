"""What a judge says of the captions that a release writes on an evaluation day, as gates read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.gate.judged import caption_rows
from lake.registry import user_results
from lake.registry.splits import drawn
from lake.registry.user_results import Header, UserResults
from lake.store.location import Lake
from model_steps.evaluating.results import SAMPLED_USERS

Row = Mapping[str, Any]


def counts_of(verdicts: Sequence[Row], without: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Passing captions and items, by user.

    Args:
        verdicts: rows of ``caption_verdicts``. without: the user of each item for which no caption kept the rules: a
            caption that nobody may be shown passes nothing.
    """
    of = Counter([*(row["user_id"] for row in verdicts), *without])
    passing = Counter(row["user_id"] for row in verdicts if row["passes"])
    return {user: (passing[user], of[user]) for user in sorted(of)}


def keep(
    lake: Lake,
    measured: UserResults,
    asked: Mapping[str, Any],
    made_with: Mapping[str, Any],
    verdicts: Sequence[Row],
    counts: Mapping[str, tuple[int, int]],
) -> tuple[str, UserResults]:
    """Keep verdicts on a release's captions, user by user; returns their path and themselves.

    No outcome is looked at, so they stand under the look that the release was measured by.

    Args:
        measured: what the release was measured with, whose tags the captions are for.
        asked: what two releases must share to be compared: users, settings, judge, record and code.
        made_with: further digests, by name. verdicts: rows of ``caption_verdicts``. counts: as ``counts_of``.
    """
    said: dict[str, list[str]] = {}
    for row in verdicts:
        said.setdefault(row["user_id"], []).append(f"{row['caption']} ({row['tier']})")
    header = Header(
        release=measured.header.release,
        day=measured.header.day,
        holdout=measured.header.holdout,
        opening=measured.header.opening,
        outputs=measured.header.outputs,
        asked=asked,
        made_with=made_with,
        samples={user: said[user] for user in drawn(said, SAMPLED_USERS)},
    )
    results = UserResults(header, caption_rows(measured.rows, counts))
    return user_results.put(lake, results, user_results.CAPTIONS), results
