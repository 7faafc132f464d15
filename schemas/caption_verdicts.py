"""caption_verdicts: what a judge found of the captions of a day's sample of users (PAPER 2.2, 2.3).

Counts that a batch states: ``sampled_captions``, ``judged_captions``, ``broken_verdicts`` (rows that break one of
``ROW_RULES``), and ``verdicts_without_caption`` (rows whose user, item and caption are not in ``explanations``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from schemas.judge_labels import FINDINGS, TIERS
from schemas.table import DAY, BatchRule, Column, RowRule, Table

DIMENSIONS = (
    "relevance",
    "factuality",
    "clarity",
    "safety",
    "timeliness",
    "informativeness",
    "attractiveness",
)
# What found: a written rule, a regression on what code counts, or one with a language model's answer.
WAYS = ("rule", "numbers", "model")
NEGATIVE, _, POSITIVE = FINDINGS
SUPERIOR, AVERAGE, BAD = TIERS

FINDING = pa.struct(
    [
        pa.field("dimension", pa.string(), False),
        pa.field("label", pa.string(), False),
        pa.field("confidence", pa.float32(), False),
        pa.field("by", pa.string(), False),
    ]
)

TABLE = Table(
    name="caption_verdicts",
    meaning="One judged caption: a finding a dimension, and the tier that follows.",
    columns=(
        DAY,
        Column("case_id", pa.string(), "Digest of all that its judge saw: caption, item, customer, day and style."),
        Column("user_id", pa.string(), "Pseudonym of the user it was written for."),
        Column("item_id", pa.string(), "The shop's id of the item, as `explanations` has it."),
        Column("caption", pa.string(), "The caption, as `explanations` has it."),
        Column("tier", pa.string(), f"{', '.join(TIERS)}: superior, average, bad."),
        Column("passes", pa.bool_(), "Whether no dimension is negative: what the paper counts as quality."),
        Column(
            "findings",
            pa.list_(FINDING),
            f"Of each dimension {', '.join(FINDINGS)}; its probability, 0 to 1; and what found it: {', '.join(WAYS)}.",
        ),
        Column("threshold", pa.float64(), "Share of positive findings from which on a caption without defect is S."),
        Column("judge", pa.string(), "The judge: name of what its findings follow from."),
    ),
    key=("user_id", "item_id"),
    partition_by=("day",),
    batch_rules=(
        BatchRule("broken_verdicts", minimum=0, maximum=0, why="A tier follows from its findings."),
        BatchRule(
            "verdicts_without_caption",
            minimum=0,
            maximum=0,
            why="What is judged is a caption that the day has, word for word.",
        ),
        BatchRule(
            "unjudged_captions",
            minimum=0,
            maximum=0,
            plus=("sampled_captions",),
            minus=("judged_captions",),
            why="A sample of which a part is left out is no fair one.",
        ),
        BatchRule(
            "lost_verdicts",
            minimum=0,
            maximum=0,
            plus=("judged_captions",),
            minus=("rows",),
            why="Every verdict is a staged row.",
        ),
    ),
)


def _rule(name: str, meaning: str, is_broken: Callable[[Mapping[str, Any]], bool]) -> RowRule:
    """A rule on rows one by one: a day's sample has hundreds."""

    def broken(rows: pa.Table) -> pa.Array:
        return pa.array([is_broken(row) for row in rows.to_pylist()], pa.bool_())

    return RowRule(name, meaning, broken)


def _labels(row: Mapping[str, Any]) -> list[str]:
    return [finding["label"] for finding in row["findings"]]


def _lacks_findings(row: Mapping[str, Any]) -> bool:
    found = [finding["dimension"] for finding in row["findings"]]
    ways = {finding["by"] for finding in row["findings"]}
    return sorted(found) != sorted(DIMENSIONS) or not set(_labels(row)) <= set(FINDINGS) or not ways <= set(WAYS)


def _follows(row: Mapping[str, Any]) -> str:
    """The tier that follows from a row's findings."""
    labels = _labels(row)
    if NEGATIVE in labels:
        return BAD
    return SUPERIOR if labels and labels.count(POSITIVE) / len(labels) >= row["threshold"] else AVERAGE


def _is_no_probability(row: Mapping[str, Any]) -> bool:
    return not all(0 <= finding["confidence"] <= 1 for finding in row["findings"])


ROW_RULES: tuple[RowRule, ...] = (
    _rule("unknown_tier", f"The tier is one of {', '.join(TIERS)}.", lambda row: row["tier"] not in TIERS),
    _rule("findings_of_dimensions", "Each of the seven dimensions has one finding, of a known label.", _lacks_findings),
    _rule("tier_follows", "The tier follows from the findings.", lambda row: row["tier"] != _follows(row)),
    _rule(
        "passes_follows", "What has no negative finding passes.", lambda row: row["passes"] == (_follows(row) == BAD)
    ),
    _rule("probabilities", "Confidences are from 0 to 1.", _is_no_probability),
)


def broken_rows(rows: pa.Table) -> int:
    """How many rows break any of the rules."""
    broken = [rule.broken(rows).to_pylist() for rule in ROW_RULES]
    return sum(any(of_row) for of_row in zip(*broken, strict=True))


def strange_rows(rows: pa.Table, explained: pa.Table) -> int:
    """How many rows are of a caption that is not there.

    Args:
        explained: rows of ``explanations`` of the day.
    """
    known = set(zip(*(explained[name].to_pylist() for name in ("user_id", "item_id", "caption")), strict=True))
    said = zip(*(rows[name].to_pylist() for name in ("user_id", "item_id", "caption")), strict=True)
    return sum(one not in known for one in said)
