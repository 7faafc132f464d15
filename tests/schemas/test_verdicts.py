"""Row rules of verdicts: a tier that does not follow from its findings is a broken row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from schemas.judge_labels import DIMENSIONS
from schemas.verdicts import ROW_RULES, TABLE, broken_rows

LABELS = {"+": "positive", "o": "neutral", "-": "negative"}


def row(labels: str = "+++o", **changed: Any) -> dict[str, Any]:
    """A sound verdict, S at three of four, or one with something changed."""
    findings = [
        {"dimension": name, "label": LABELS[sign], "confidence": 0.9, "by": "model", "reason": None}
        for name, sign in zip(DIMENSIONS["tag"], labels, strict=False)
    ]
    sound = {
        "day": "2017-11-01",
        "item_id": "tag-0123456789abcdef",
        "user_id": "ann",
        "rank": 1,
        "tag": "milk",
        "category": "milk",
        "tier": "S",
        "confidence": 0.6,
        "findings": findings,
        "flags": [],
        "threshold": 0.75,
        "judge": "base-1",
        "release": "experts-1",
    }
    return {**sound, **changed}


def broken(*rows: dict[str, Any]) -> list[set[str]]:
    """The rules that each row breaks."""
    table = pa.Table.from_pylist(list(rows), TABLE.schema)
    found = {rule.name: rule.broken(table).to_pylist() for rule in ROW_RULES}
    return [{name for name, of_rule in found.items() if of_rule[number]} for number in range(len(rows))]


@pytest.mark.parametrize(
    "sound",
    [
        row(),
        row("++++"),
        row("++oo", tier="A"),
        row("oooo", tier="A"),
        row("+++o", tier="A", threshold=1.0),
        row("+++-", tier="B"),
        row("----", tier="B"),
        row("++++", tier="B", flags=["tag_empty"]),
        row("+++-", tier="B", flags=["tag_empty"]),
        row(category=None, confidence=1.0),
    ],
)
def test_a_tier_that_follows_breaks_no_rule(sound: dict[str, Any]) -> None:
    assert broken(sound) == [set()]


@pytest.mark.parametrize(
    ("wrong", "rules"),
    [
        (row("+++-"), {"bad_is_defect"}),
        (row("+++-", tier="A"), {"bad_is_defect"}),
        (row(tier="B"), {"bad_is_defect", "superior_is_share"}),
        (row("++oo", tier="B"), {"bad_is_defect"}),
        (row("++++", flags=["tag_empty"]), {"bad_is_defect"}),
        (row("++oo"), {"superior_is_share"}),
        (row("++++", tier="A"), {"superior_is_share"}),
        (row(threshold=1.0), {"superior_is_share"}),
        (row("++oo", tier="C"), {"unknown_tier"}),
        (row("+++"), {"findings_of_dimensions"}),
        (row("", tier="A"), {"findings_of_dimensions"}),
        (row(item_id="caption-1"), {"findings_of_dimensions"}),
        (row(findings=row()["findings"][:3] + row()["findings"][:1]), {"findings_of_dimensions"}),
        (row(confidence=1.5), {"probabilities"}),
        (row(confidence=float("nan")), {"probabilities"}),
    ],
)
def test_a_row_that_does_not_hold_together_is_broken(wrong: dict[str, Any], rules: set[str]) -> None:
    assert broken(row(), wrong) == [set(), rules]


def test_an_unknown_label_is_no_finding() -> None:
    wrong = row()
    wrong["findings"][0]["label"] = "good"
    assert "findings_of_dimensions" in broken(wrong)[0]


def test_broken_rows_are_counted_once() -> None:
    rows = [row(), row(tier="B"), row("+++-", tier="C", confidence=2.0)]
    assert broken_rows(pa.Table.from_pylist(rows, TABLE.schema)) == 2
    assert broken_rows(TABLE.schema.empty_table()) == 0


def test_batches_count_what_was_drawn_judged_and_broken() -> None:
    counts = {"sampled_outputs": 9, "judged_outputs": 9, "rows": 9, "flagged_outputs": 2, "broken_verdicts": 0}

    def failing(**changed: int) -> set[str]:
        said = {rule.metric: (rule, rule.value({**counts, **changed})) for rule in TABLE.batch_rules}
        return {
            name
            for name, (rule, value) in said.items()
            if value is None
            or (rule.minimum is not None and value < rule.minimum)
            or (rule.maximum is not None and value > rule.maximum)
        }

    assert failing() == set()
    assert failing(broken_verdicts=1) == {"broken_verdicts"}
    assert failing(judged_outputs=8) == {"unjudged_outputs", "lost_verdicts"}
    assert failing(rows=8) == {"lost_verdicts"}
    assert failing(flagged_outputs=10) == {"unflagged_outputs"}


def test_rules_have_names_and_meanings_of_their_own() -> None:
    assert len({rule.name for rule in ROW_RULES}) == len(ROW_RULES)
    assert all(rule.meaning.endswith(".") for rule in ROW_RULES)
