"""A case in a lake of its own, where inference finds it as it finds a shop's day."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import Any

import pyarrow as pa

from lake.delta import tables, writing
from lake.store.location import Lake
from model_steps.evaluating.work_lake import replace_day
from model_steps.replaying.case import Acted, Case
from runtime.errors import DataError, SourceMissing
from schemas import contexts, entities, signals


def fill(base: Lake, work: Lake, case: Case, where: str) -> None:
    """Publish a case's context and signals beside a copy of the catalog's entities.

    Args:
        base: has the catalog. work: a lake apart. where: the case's file, for the sentence.

    Raises:
        SourceMissing: the base has no catalog. DataError: the case names what is not in it.
    """
    known = tables.read(base, entities.TABLE, columns=["entity_id", "text", "kind", "category"]).to_pylist()
    if not known:
        raise SourceMissing(
            f"The lake {base.root} has no catalog that a case could be of: run `make run`, or name a lake with --lake."
        )
    row = context_row(case, known, where)
    writing.insert_new(work, entities.TABLE, tables.read(base, entities.TABLE))
    rows = [{"day": case.day, "week": case.day, **signal.model_dump()} for signal in case.signals]
    replace_day(work, signals.TABLE, case.day, pa.Table.from_pylist(rows, signals.TABLE.schema))
    replace_day(work, contexts.TABLE, case.day, pa.Table.from_pylist([row], contexts.TABLE.schema))


def context_row(case: Case, known: list[dict[str, Any]], where: str) -> dict[str, Any]:
    """The case's customer as a row of ``contexts``.

    Args:
        known: entity_id, text, kind and category of the catalog's entities.

    Raises:
        DataError: the case names a text or a category that the catalog has not, or evidence of nothing that was bought.
    """
    by_text = {row["text"]: row for row in known if row["kind"] != "category"}
    categories = {row["category"] for row in known if row["kind"] == "category"}
    for text in case.texts:
        _refuse_unknown(text, by_text.keys(), "an item's text", where)
    for category in [*(one.category for one in case.evidence), *(one.category for one in case.interests)]:
        _refuse_unknown(category, categories, "a category", where)
    acted_on = {by_text[text]["category"] for text in case.texts}
    if unfounded := [one.category for one in case.evidence if one.category not in acted_on]:
        raise DataError(
            f"{where}: evidence names {unfounded[0]!r}, and nothing of it is in the history: add what was bought, or "
            "leave the line out."
        )
    ids = {text: by_text[text]["entity_id"] for text in case.texts}
    newest, oldest = case.history[0].period, case.history[-1].period
    return {
        "day": case.day,
        "user_id": case.user_id,
        "periods": [_period_row(acted, ids) for acted in case.history],
        "attributes": [{"name": name, "value": value} for name, value in sorted(case.attributes.items())],
        "interests": [interest.model_dump() for interest in case.interests],
        "evidence": [{**one.model_dump(), "rank": rank} for rank, one in enumerate(case.evidence, start=1)],
        "events": sum(len(texts) for acted in case.history for texts in acted.actions.values()),
        "active_days": len(case.history),
        "first_day": oldest if len(oldest) > len("YYYY-MM") else f"{oldest}-01",
        "last_day": newest if len(newest) > len("YYYY-MM") else f"{newest}-01",
        **dict.fromkeys(("dropped_entries", "tokens_full_text", "tokens_text", "tokens_hybrid"), 0),
        "digest": case.digest,
    }


def _period_row(acted: Acted, ids: dict[str, str]) -> dict[str, Any]:
    groups = []
    for action, texts in sorted(acted.actions.items()):
        counts = Counter(ids[text] for text in texts)
        ordered = sorted(counts, key=lambda entity: (-counts[entity], entity))
        groups.append(
            {"action": action, "entities": [{"entity_id": entity, "count": counts[entity]} for entity in ordered]}
        )
    return {"period": acted.period, "actions": groups}


def _refuse_unknown(name: str, known: Any, what: str, where: str) -> None:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise DataError(f"{where}: {name!r} is not {what} of the catalog{hint}: name one that is.")
