"""All tables by name."""

from __future__ import annotations

from schemas import (
    answers,
    behaviors,
    caption_verdicts,
    contexts,
    days,
    entities,
    entity_vectors,
    examples,
    explanations,
    failures,
    holdout,
    intents,
    items,
    judge_labels,
    personas,
    profiles,
    rejected_behaviors,
    rollups,
    signals,
    verdicts,
)
from schemas.table import Table

TABLES: dict[str, Table] = {
    module.TABLE.name: module.TABLE
    for module in (
        behaviors,
        rejected_behaviors,
        items,
        profiles,
        signals,
        entities,
        entity_vectors,
        rollups,
        contexts,
        intents,
        personas,
        explanations,
        failures,
        answers,
        holdout,
        examples,
        judge_labels,
        verdicts,
        caption_verdicts,
        days,
    )
}
