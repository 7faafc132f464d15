"""verdicts: what a judge found of a day's sample of outputs (PAPER 2.3).

Counts that a batch states: ``sampled_outputs``, ``judged_outputs``, ``flagged_outputs``, and ``broken_verdicts``, the
rows that break one of ``ROW_RULES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from schemas.judge_labels import DIMENSIONS, FINDINGS, TIERS
from schemas.table import DAY, BatchRule, Column, RowRule, Table

# Who found: a language model, or code that computes a dimension.
MODEL, RULE = "model", "rule"

FINDING = pa.struct(
    [
        pa.field("dimension", pa.string(), False),
        pa.field("label", pa.string(), False),
        pa.field("confidence", pa.float32(), False),
        pa.field("by", pa.string(), False),
        pa.field("reason", pa.string(), True),
    ]
)

TABLE = Table(
    name="verdicts",
    meaning="One judged output: a finding a dimension, and the tier that follows.",
    columns=(
        DAY,
        Column("item_id", pa.string(), "The judged output, as in judge_labels."),
        Column("user_id", pa.string(), "Pseudonym of the user it was made for."),
        Column("rank", pa.int32(), "Its rank among the user's intents, 1 the best."),
        Column("tag", pa.string(), "The output."),
        Column("category", pa.string(), "The catalog category of it; none where it names none.", nullable=True),
        Column("tier", pa.string(), f"{', '.join(TIERS)}: superior, average, bad."),
        Column("confidence", pa.float32(), "Probability of the tier by the findings' probabilities, 0 to 1."),
        Column(
            "findings",
            pa.list_(FINDING),
            f"Of each dimension {', '.join(FINDINGS)}; its probability, 0 to 1; whether a {MODEL} or a {RULE} found "
            "it; and why, where that was asked.",
        ),
        Column("flags", pa.list_(pa.string()), "What the guard noticed in the output; any of it gives B."),
        Column("threshold", pa.float64(), "Share of positive findings from which on an output without defect is S."),
        Column("judge", pa.string(), "The judge: its release, or the untuned language model."),
        Column("release", pa.string(), "The model release that wrote the output."),
    ),
    key=("item_id",),
    partition_by=("day",),
    batch_rules=(
        BatchRule("broken_verdicts", minimum=0, maximum=0, why="A tier follows from its findings and flags."),
        BatchRule(
            "unjudged_outputs",
            minimum=0,
            maximum=0,
            plus=("sampled_outputs",),
            minus=("judged_outputs",),
            why="A sample of which a part is left out is no fair one.",
        ),
        BatchRule(
            "lost_verdicts",
            minimum=0,
            maximum=0,
            plus=("judged_outputs",),
            minus=("rows",),
            why="Every verdict is a staged row.",
        ),
        BatchRule(
            "unflagged_outputs",
            minimum=0,
            plus=("judged_outputs",),
            minus=("flagged_outputs",),
            why="No more outputs are flagged than were judged.",
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
    kind = str(row["item_id"]).partition("-")[0]
    found = [finding["dimension"] for finding in row["findings"]]
    return sorted(found) != sorted(DIMENSIONS.get(kind, ())) or not set(_labels(row)) <= set(FINDINGS)


def _is_defect(row: Mapping[str, Any]) -> bool:
    return "negative" in _labels(row) or bool(row["flags"])


def _is_bad_wrongly(row: Mapping[str, Any]) -> bool:
    return bool((row["tier"] == "B") != _is_defect(row))


def _is_raised_wrongly(row: Mapping[str, Any]) -> bool:
    """Of a row without defect, whether it is not S where enough findings are positive, or S where they are not."""
    labels = _labels(row)
    if _is_defect(row) or not labels:
        return False
    enough = labels.count("positive") / len(labels) >= row["threshold"]
    return bool((row["tier"] == "S") != enough)


def _is_no_probability(row: Mapping[str, Any]) -> bool:
    said = [row["confidence"], *(finding["confidence"] for finding in row["findings"])]
    return not all(0 <= each <= 1 for each in said)


ROW_RULES: tuple[RowRule, ...] = (
    _rule("unknown_tier", f"The tier is one of {', '.join(TIERS)}.", lambda row: row["tier"] not in TIERS),
    _rule("findings_of_dimensions", "Each dimension of the kind has one finding, of a known label.", _lacks_findings),
    _rule("bad_is_defect", "B is what has a negative finding or a flag.", _is_bad_wrongly),
    _rule("superior_is_share", "S is what has no defect and enough positive findings.", _is_raised_wrongly),
    _rule("probabilities", "Confidences are from 0 to 1.", _is_no_probability),
)


def broken_rows(rows: pa.Table) -> int:
    """How many rows break any of the rules."""
    broken = [False] * rows.num_rows
    for rule in ROW_RULES:
        broken = [one or also for one, also in zip(broken, rule.broken(rows).to_pylist(), strict=True)]
    return sum(broken)
