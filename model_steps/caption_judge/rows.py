"""Verdicts on captions as rows of ``caption_verdicts``."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from model_steps.caption_judge.case import CaptionCase
from model_steps.caption_judge.judging import CaptionVerdict
from schemas.caption_verdicts import TABLE


def verdict_rows(
    cases: Sequence[CaptionCase], verdicts: Sequence[CaptionVerdict], judge: str, threshold: float
) -> pa.Table:
    """Verdicts on cases, in their order.

    Args:
        judge: name of what judged (``Combination.name``). threshold: that tiers were given with.

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
                "threshold": threshold,
                "judge": judge,
            }
        )
    return pa.Table.from_pylist(rows, TABLE.schema)
