"""The evidence of a context is that of an example of the same user and day, and moves on Mondays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.registry.evaluation_file import read_rule_if_any
from lake.registry.splits import SplitRule
from representation.calendar import Window
from representation.context import from_row
from runtime.errors import ConfigurationError
from schemas import profiles
from settings import HistorySettings, SourceSettings, load_settings
from spark_jobs.compress import evidence_window
from spark_jobs.histories.assembly import Compression
from spark_jobs.histories.contexts import contexts_of
from spark_jobs.histories.persona_examples import examples_of
from spark_jobs.histories.tokens import tokenizer_of
from tests.spark_jobs.test_persona_examples import CATALOG, DAY, ENTITIES, LATER, PAST, RULE, TRAIN, of, rolled, wanted

HISTORY = HistorySettings()
TEXTS = ENTITIES.append_column("text", pa.array([*ENTITIES["entity_id"].to_pylist()]))
# Before the evidence's window, which begins on 2017-05-22, and at its first day.
EARLY = [*of(TRAIN, "shampoo", "2017-05-21", "2017-05-22", "2017-06-01")]


def context_of(rows: pa.Table, day: str = DAY, rule: SplitRule | None = RULE, most: int = 160) -> dict[str, Any]:
    settings = HISTORY.model_copy(update={"evidence": most})
    compression = Compression(
        Window.of(day, settings.days),
        settings.maximum_entities,
        settings.interests,
        TEXTS,
        profiles.TABLE.schema.empty_table(),
        tokenizer_of(load_settings().engine.model),
        evidence_window(day, settings, rule),
    )
    (row,) = contexts_of(rows, compression).to_pylist()
    found: dict[str, Any] = row
    return found


def served(row: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The personas' evidence as the agents make it of a context."""
    evidence = CATALOG.evidence_of(from_row(row).evidence or ())
    return [[vars(one) for one in group] for group in CATALOG.personas_of(evidence, 2, 2)]


def trained(rows: pa.Table, rule: SplitRule = RULE) -> list[list[dict[str, Any]]]:
    found, _ = examples_of(rows, replace(wanted(TRAIN), rule=rule))
    return [row["evidence"] for row in found.to_pylist()]


def test_what_is_served_is_what_was_trained() -> None:
    rows = rolled(*EARLY, *PAST, *LATER)
    shown = served(context_of(rows))
    assert shown == trained(rows)
    assert sorted(one["category"] for group in shown for one in group) == ["cheese", "milk", "shampoo", "soap"]
    assert next(one for group in shown for one in group if one["category"] == "shampoo")["days"] == 2


def test_without_the_rule_another_evidence_is_made() -> None:
    """The planted fault: contexts that count what examples leave out would show an expert what it never saw."""
    rows = rolled(*PAST, *LATER)
    assert served(context_of(rows, rule=None)) != trained(rows)
    assert "gasoline" in str(served(context_of(rows, rule=None)))


def test_a_cap_keeps_the_most_certain() -> None:
    rows = rolled(*PAST)
    kept = context_of(rows, most=2)["evidence"]
    assert kept == context_of(rows)["evidence"][:2]
    assert [one["category"] for one in kept] == ["milk", "soap"]


def test_a_user_without_categories_has_no_evidence() -> None:
    assert context_of(rolled(*of(TRAIN, "a query", DAY)))["evidence"] == []


def test_an_unchanged_users_evidence_changes_on_mondays_only_and_the_digest_with_the_month() -> None:
    days = [date(2017, 8, 21) + timedelta(days=number) for number in range(28)]
    leaving = [context_of(rolled(*EARLY, *PAST), day.isoformat())["evidence"] for day in days]
    assert {day.weekday() for day in changes(days, leaving)} == {0}
    digests = [context_of(rolled(*PAST), day.isoformat())["digest"] for day in days]
    assert set(changes(days, digests)) <= {date(2017, 9, 1)}


def changes(days: Sequence[date], found: Sequence[Any]) -> list[date]:
    return [day for day, before, now in zip(days[1:], found, found[1:], strict=False) if before != now]


def test_the_digest_covers_the_evidence() -> None:
    one, other = (context_of(rolled(*PAST), rule=rule) for rule in (RULE, replace(RULE, leave_out=())))
    assert one["periods"] == other["periods"]
    assert one["digest"] != other["digest"]


def test_a_log_without_evaluation_days_needs_no_rule(tmp_path: Path) -> None:
    source = SourceSettings(name=str(tmp_path / "shop.toml"))
    assert read_rule_if_any(source) is None
    window = evidence_window(DAY, HISTORY, None)
    assert (window.leave_out, window.first) == ((), "2017-05-22")
    with pytest.raises(ConfigurationError, match="no evaluation file"):
        read_rule_if_any(SourceSettings(evaluation=tmp_path / "missing.toml"))
