"""Row rules of verdicts on captions: what does not follow from the findings is a broken row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from evaluation.tiers import tier_of
from model_steps.caption_judge import combination, dimensions
from schemas.caption_verdicts import DIMENSIONS, ROW_RULES, TABLE, WAYS, broken_rows, strange_rows

LABELS = {"+": "positive", "o": "neutral", "-": "negative"}


def row(labels: str = "+++++oo", **changed: Any) -> dict[str, Any]:
    """A sound verdict, S at five of seven, or one with something changed."""
    findings = [
        {"dimension": name, "label": LABELS[sign], "confidence": 0.9, "by": "rule"}
        for name, sign in zip(DIMENSIONS, labels, strict=False)
    ]
    named = {"day": "2017-11-01", "case_id": "caption-1", "user_id": "ann", "item_id": "milk-1"}
    sound = {**named, "caption": "How about milk?", "tier": "S", "passes": True, "findings": findings}
    return {**sound, "threshold": 0.7, "judge": "caption-judge-1", **changed}


def finding(row: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The row with its first finding changed."""
    first, *rest = row["findings"]
    return {**row, "findings": [{**first, **changed}, *rest]}


def broken(*rows: dict[str, Any]) -> list[set[str]]:
    """The rules that each row breaks."""
    table = pa.Table.from_pylist(list(rows), TABLE.schema)
    found = {rule.name: rule.broken(table).to_pylist() for rule in ROW_RULES}
    return [{name for name, of_rule in found.items() if of_rule[number]} for number in range(len(rows))]


def test_its_words_are_those_of_the_judge() -> None:
    assert DIMENSIONS == dimensions.DIMENSIONS
    assert WAYS == combination.WAYS


@pytest.mark.parametrize(
    "sound",
    [
        row(),
        row("+++++++"),
        row("++++ooo", tier="A"),
        row("ooooooo", tier="A"),
        row("+++++++", threshold=1.0),
        row("++++++-", tier="B", passes=False),
        row("-------", tier="B", passes=False),
    ],
)
def test_a_tier_that_follows_breaks_no_rule(sound: dict[str, Any]) -> None:
    assert broken(sound) == [set()]
    assert tier_of([one["label"] for one in sound["findings"]], sound["threshold"]) == sound["tier"]


@pytest.mark.parametrize(
    ("wrong", "rules"),
    [
        (row("++++++-"), {"tier_follows", "passes_follows"}),
        (row("++++++-", tier="B"), {"passes_follows"}),
        (row("++++++-", tier="A", passes=False), {"tier_follows"}),
        (row(tier="B"), {"tier_follows"}),
        (row(tier="A"), {"tier_follows"}),
        (row(passes=False), {"passes_follows"}),
        (row("++++ooo"), {"tier_follows"}),
        (row(threshold=0.9), {"tier_follows"}),
        (row(tier="C"), {"unknown_tier", "tier_follows"}),
        (row("++++++"), {"findings_of_dimensions"}),
        (row("", tier="A"), {"findings_of_dimensions"}),
        (finding(row(), dimension="taste"), {"findings_of_dimensions"}),
        (finding(row(), dimension=DIMENSIONS[1]), {"findings_of_dimensions"}),
        (finding(row("++++++o"), label="good"), {"findings_of_dimensions"}),
        (finding(row(), by="hearsay"), {"findings_of_dimensions"}),
        (finding(row(), confidence=1.5), {"probabilities"}),
        (finding(row(), confidence=float("nan")), {"probabilities"}),
    ],
)
def test_a_row_that_does_not_hold_together_is_broken(wrong: dict[str, Any], rules: set[str]) -> None:
    assert broken(row(), wrong) == [set(), rules]
    assert broken_rows(pa.Table.from_pylist([row(), wrong], TABLE.schema)) == 1


def test_verdicts_of_captions_that_are_not_there_are_counted() -> None:
    explained = pa.table(
        {"user_id": ["ann", "ben"], "item_id": ["milk-1", "milk-1"], "caption": ["How about milk?"] * 2}
    )
    said = [row(), row(user_id="cora"), row(item_id="tea-2"), row(caption="How about tea?"), row(user_id="ben")]
    assert strange_rows(pa.Table.from_pylist(said, TABLE.schema), explained) == 3
    assert strange_rows(TABLE.schema.empty_table(), explained) == broken_rows(TABLE.schema.empty_table()) == 0


def test_batches_count_what_was_drawn_judged_and_broken() -> None:
    counts = {
        "sampled_captions": 9,
        "judged_captions": 9,
        "rows": 9,
        "broken_verdicts": 0,
        "verdicts_without_caption": 0,
    }

    def failing(**changed: int) -> set[str]:
        # All of them are bounded by 0 on both sides.
        assert {(rule.minimum, rule.maximum) for rule in TABLE.batch_rules} == {(0, 0)}
        return {rule.metric for rule in TABLE.batch_rules if rule.value({**counts, **changed}) != 0}

    assert failing() == set()
    assert failing(broken_verdicts=1) == {"broken_verdicts"}
    assert failing(verdicts_without_caption=1) == {"verdicts_without_caption"}
    assert failing(judged_captions=8) == {"unjudged_captions", "lost_verdicts"}
    assert failing(rows=10) == {"lost_verdicts"}
