"""What judges say of candidate and champion, for people: shares of tiers of tags, and of captions that pass."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from evaluation.bootstrap import Interval
from evaluation.corrected_share import UNKNOWN, Proportion, corrected_share, wilson
from evaluation.gate.judged import BAD, PASSING, SUPERIOR, TIERS, Judged

# Sensitivity and specificity of a judge on S.
Errors = tuple[Proportion, Proportion]


def shares(judged: Judged, errors: Errors | str) -> dict[str, dict[str, Any]]:
    """Of candidate and champion the shares of S, as judged and corrected for the judge's errors, and of B as judged.

    Intervals take tags for independent, as those of a day's sample do, and so are somewhat narrow; the bounds of the
    gate's checks are over users.

    Args:
        errors: of the judge on S, counted in its exam, or why they are not known.
    """
    return {who: _shares(rows, errors) for who, rows in judged.rows().items()}


def passing_shares(captions: Judged) -> dict[str, dict[str, Any]]:
    """Of candidate and champion the share of items with a caption that passes all seven dimensions, as judged.

    Intervals take items for independent, and so are somewhat narrow.
    """
    found = {}
    for who, rows in captions.rows().items():
        passing = _proportion(rows, PASSING)
        users = len(set(rows["user_id"].to_pylist()))
        found[who] = {"users": users, "items": passing.of, "passing": wilson(passing).as_dict()}
    return found


def _shares(rows: pa.Table, errors: Errors | str) -> dict[str, Any]:
    of = {metric: _proportion(rows, metric) for metric in TIERS}
    corrected, why = UNKNOWN, errors if isinstance(errors, str) else None
    if not isinstance(errors, str):
        sensitivity, specificity = errors
        found = corrected_share(of[SUPERIOR], specificity, sensitivity)
        corrected, why = found.corrected, found.reason
    told: dict[str, Interval] = {
        "superior": wilson(of[SUPERIOR]),
        "superior_corrected": corrected,
        "bad": wilson(of[BAD]),
    }
    return {
        "users": len(set(rows["user_id"].to_pylist())),
        "tags": of[SUPERIOR].of,
        **{name: interval.as_dict() for name, interval in told.items()},
        "not_estimable": why,
    }


def _proportion(rows: pa.Table, metric: str) -> Proportion:
    own = [row for row in rows.to_pylist() if row["metric"] == metric]
    return Proportion(round(sum(row["found"] for row in own)), round(sum(row["of"] for row in own)))
