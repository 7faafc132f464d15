"""The day as a person reads it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lake.store.location import Lake
from launcher.report import (
    captions_lines,
    explained_lines,
    figures_lines,
    judged_captions_lines,
    judged_lines,
    number,
    report,
    some_captions,
    users_lines,
)
from schemas import days, explanations, intents, items
from settings import LakeSettings, Settings

DAY = "2017-11-01"
FIGURES = {
    "land.stage.seconds": 12.25,
    "land.stage.rows": 4025.0,
    "land.stage.rejected.unknown_item": 12.0,
    "infer.shard.seconds": 80.0,
    "infer.shard.seconds_users": 60.0,
    "infer.shard.users_in": 12.0,
    "infer.shard.users_share": 0.91666,
    "run.seconds": 200.0,
}


def tag(user: str, rank: int, **fields: Any) -> dict[str, Any]:
    return {
        "day": DAY,
        "user_id": user,
        "rank": rank,
        "tag": f"tag {rank}",
        "category": "SOUP",
        "category_similarity": 0.5,
        "persona": "The weekend cook" if rank % 2 else "The parent",
        "why": "buys vegetables on Fridays",
        "expert": 1,
        "chosen_by": "arbiter",
        "release": "base",
        **fields,
    }


def the_day(**fields: Any) -> dict[str, Any]:
    return {
        "day": DAY,
        "fingerprint": "f",
        "release": "base",
        "empty": False,
        "versions": [{"table": "intents", "version": 0, "digest": "d"}],
        "figures": [{"name": name, "value": value} for name, value in FIGURES.items()],
        **fields,
    }


def test_three_users_in_the_order_of_their_ranks() -> None:
    rows = [tag(f"user-{number}", rank) for number in range(5) for rank in (3, 1, 2)]

    lines = users_lines(rows)

    assert [line for line in lines if line.startswith("User ")] == ["User user-0", "User user-1", "User user-2"]
    tags = [line.split()[2] for line in lines if line.lstrip().startswith(("1 ", "2 ", "3 "))]
    assert tags == ["1", "2", "3"] * 3
    assert "2 users more" in lines[-2]


def test_each_persona_is_explained_once() -> None:
    lines = users_lines([tag("user", rank) for rank in range(1, 11)])

    assert [line for line in lines if "buys vegetables" in line] == [
        "  The weekend cook: buys vegetables on Fridays",
        "  The parent: buys vegetables on Fridays",
    ]


def test_long_texts_stay_on_their_line() -> None:
    lines = users_lines([tag("user", 1, tag="x" * 200, why="word " * 100)])

    assert max(map(len, lines)) <= 120
    assert any("xxx..." in line for line in lines)


def test_figures_by_task_and_the_time_split() -> None:
    lines = figures_lines(the_day())

    assert [line.split()[0] for line in lines[1:-1]] == ["infer.shard", "land.stage", "run"]
    assert "rows 4,025, rejected.unknown item 12" in lines[2]
    assert "12.2 s" in lines[2]
    assert lines[-1] == "Time: 200 s, of which 140 s are fixed and 5 s come with each of 12 users."


def test_a_day_without_users_has_no_time_split() -> None:
    figures = [{"name": "run.seconds", "value": 50.0}]

    assert not any("fixed" in line for line in figures_lines(the_day(figures=figures)))


def judged(**figures: float) -> list[str]:
    told = {
        "verdicts.outputs": 120.0,
        "judged_users": 12.0,
        "verdicts.alarms": 0.0,
        "verdicts.superior": 0.61,
        **figures,
    }
    told |= {"verdicts.average": 0.3, "verdicts.bad": 0.09}
    return judged_lines(the_day(judged="yes", figures=[{"name": n, "value": v} for n, v in told.items()]))


def test_what_the_judge_found_of_the_day() -> None:
    assert judged(**{"verdicts.superior_corrected": 0.48}) == [
        "Judged: 120 tags of 12 users: S 61%, A 30%, B 9% (S corrected 48%)."
    ]
    assert judged(**{"verdicts.alarms": 1.0}) == [
        "Judged: 120 tags of 12 users: S 61%, A 30%, B 9% (S corrected: not estimable); "
        "ALARM, 1 out of their usual band."
    ]


def test_a_day_without_verdicts_says_why() -> None:
    assert judged_lines(the_day(judged="no: the judge has no standing")) == ["Judged: no: the judge has no standing."]
    assert judged_lines(the_day()) == judged_lines(the_day(judged=None)) == []


STYLE = {"tone": "warm", "audience": "families", "rhetoric": "question", "feeling": "joy", "season": "autumn"}


def caption(user: str, rank: int, **fields: Any) -> dict[str, Any]:
    return {
        "day": DAY,
        "user_id": user,
        "item_id": f"item-{rank}",
        "rank": rank,
        "tag": f"tag {rank}",
        "similarity": 0.5,
        "caption": f"How about number {rank} this week?",
        "way": "meta",
        "form": "closed",
        "style": STYLE,
        "segment": "fond of soup",
        "attempts": 1,
        "release": "base",
        **fields,
    }


def test_three_captions_are_of_as_many_users_as_there_are() -> None:
    rows = [caption(user, rank) for user in ("b", "a") for rank in (2, 1)]
    assert [(row["user_id"], row["rank"]) for row in some_captions(rows)] == [("a", 1), ("b", 1), ("a", 2)]
    assert some_captions([]) == captions_lines([], {}) == []


def test_a_caption_stands_with_its_item_and_style() -> None:
    rows = [caption("a", 1), caption("b", 2, style=None)]
    assert captions_lines(rows, {"item-1": "tomato soup, 1 l"}) == [
        "Captions, 2 of them:",
        '  User a: "How about number 1 this week?"',
        "    item: tomato soup, 1 l (tag 1, tag 1)",
        "    style: warm, families, question, joy, autumn",
        '  User b: "How about number 2 this week?"',
        "    item: item-2 (tag 2, tag 2)",
        "    style: none",
    ]


def test_a_caption_stands_with_its_verdict() -> None:
    def verdict(tier: str, *labels: str) -> dict[str, Any]:
        named = zip(("relevance", "clarity"), labels, strict=True)
        return {"tier": tier, "findings": [{"dimension": name, "label": label} for name, label in named]}

    rows = [caption("a", 1), caption("b", 1), caption("c", 1)]
    found = {
        ("a", "item-1"): verdict("S", "positive", "neutral"),
        ("b", "item-1"): verdict("B", "negative", "negative"),
    }
    said = [line.strip() for line in captions_lines(rows, {}, found) if "judged" in line]
    assert said == ["judged: S", "judged: B, for its relevance, clarity"]


def judged_captions(**figures: float) -> list[str]:
    told = {"users": 12.0, "passing": 0.9, "superior": 0.5, "average": 0.4, "bad": 0.1, "captions": 36.0, **figures}
    named = [{"name": f"caption_verdicts.{name}", "value": value} for name, value in told.items()]
    return judged_captions_lines(the_day(figures=[*named, {"name": "users", "value": 99.0}]))


def test_what_the_judge_of_captions_found_of_the_day() -> None:
    line = "Captions judged: 36 captions of 12 users: 90% pass all seven dimensions (S 50%, A 40%, B 10%)"
    assert judged_captions() == [f"{line}."]
    assert judged_captions(alarms=1.0) == [f"{line}; ALARM, out of their usual band."]
    assert judged_captions(captions=0.0) == judged_captions_lines(the_day()) == []


def test_what_captions_cost_is_said_and_counts_with_the_users() -> None:
    told = {
        **FIGURES,
        "infer.shard.seconds_explanations": 12.0,
        "infer.shard.explanations.captions": 35.0,
        "infer.shard.explanations.pairs_dropped": 1.0,
        "infer.shard.explanations.style_cache_hit_rate": 0.25,
    }
    day = the_day(figures=[{"name": name, "value": value} for name, value in told.items()])
    assert " ".join(" ".join(explained_lines(day)).split()) == (
        "Explained: 35 captions, 1 items without one; they added 12.0 s to inference; 25% of their styles were another "
        "caption's, too."
    )
    lines = figures_lines(day)
    assert [line.split()[0] for line in lines if line.startswith("  i")] == ["infer.shard"]
    assert lines[-1] == "Time: 200 s, of which 128 s are fixed and 6 s come with each of 12 users."
    assert explained_lines(the_day()) == []


@pytest.mark.parametrize(("value", "text"), [(3.0, "3"), (4025.0, "4,025"), (0.91666, "0.917"), (1234.5, "1,234")])
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_the_versions_that_the_day_pins_are_read(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    def write(table: Any, rows: list[dict[str, Any]], mode: Any) -> None:
        write_deltalake(lake.uri(table.name), pa.Table.from_pylist(rows, table.schema), mode=mode, partition_by=["day"])

    write(intents.TABLE, [tag("user-a", 1, tag="as published")], "error")
    write(intents.TABLE, [tag("user-a", 1, tag="of a later run")], "overwrite")
    shop = pa.Table.from_pylist(
        [{"item_id": "item-1", "entity_id": "e", "text": "soup, 1 l", "category": "soup", "category_path": "a > soup"}],
        items.TABLE.schema,
    )
    write_deltalake(lake.uri(items.TABLE.name), shop)
    write(explanations.TABLE, [caption("user-a", 1)], "error")
    versions = [{"table": name, "version": 0, "digest": "d"} for name in ("intents", "explanations")]
    write(days.TABLE, [the_day(versions=versions)], "error")

    report(DAY, Settings(lake=LakeSettings(uri=str(lake.root))))

    said = capsys.readouterr().out
    assert "as published" in said
    assert "of a later run" not in said
    assert said.endswith(
        'Captions, 1 of them:\n  User user-a: "How about number 1 this week?"\n    item: soup, 1 l (tag 1, tag 1)\n'
        "    style: warm, families, question, joy, autumn\n"
    )


def test_a_day_that_is_not_there(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    report("2017-11-02", Settings(lake=LakeSettings(uri=str(lake.root))))

    assert capsys.readouterr().out == "Nothing is published for 2017-11-02.\n"
