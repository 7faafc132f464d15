"""Verdicts on captions as rows, for a table ``caption_verdicts`` that a day would have (no room registers it yet)."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from model_steps.caption_judge.case import CaptionCase
from model_steps.caption_judge.judging import CaptionVerdict

FINDING = pa.struct(
    [
        pa.field("dimension", pa.string(), False),
        pa.field("label", pa.string(), False),
        pa.field("confidence", pa.float32(), False),
        pa.field("by", pa.string(), False),
    ]
)
# One judged caption: `by` is what found (rule, numbers, model), `passes` whether no dimension is negative.
SCHEMA = pa.schema(
    [
        pa.field("day", pa.string(), False),
        pa.field("case_id", pa.string(), False),
        pa.field("user_id", pa.string(), False),
        pa.field("item_id", pa.string(), False),
        pa.field("caption", pa.string(), False),
        pa.field("tier", pa.string(), False),
        pa.field("passes", pa.bool_(), False),
        pa.field("findings", pa.list_(pa.field("item", FINDING, False)), False),
        pa.field("judge", pa.string(), False),
    ]
)


def verdict_rows(cases: Sequence[CaptionCase], verdicts: Sequence[CaptionVerdict], judge: str) -> pa.Table:
    """Verdicts on cases, in their order.

    Args:
        judge: name of what judged (``Combination.name``).

    Raises:
        ValueError: they are verdicts on other cases.
    """
    rows = []
    for case, verdict in zip(cases, verdicts, strict=True):
        if case.case_id != verdict.case_id:
            raise ValueError(f"{verdict.case_id} is no verdict on {case.case_id}: give both in one order.")
        rows.append(
            {
                "day": case.day,
                "case_id": case.case_id,
                "user_id": case.reader.name,
                "item_id": case.item.item_id,
                "caption": case.caption,
                "tier": verdict.tier,
                "passes": verdict.passes,
                "findings": [vars(finding) for finding in verdict.findings],
                "judge": judge,
            }
        )
    return pa.Table.from_pylist(rows, SCHEMA)
