"""A written case: what a file may say, where it lands, and that the page shows what was replayed."""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.delta import tables, writing
from lake.registry import releases
from lake.store.location import Lake
from model_steps import replay_case
from model_steps.agents.inputs import read_contexts, signals_text
from model_steps.engine.untuned import Untuned
from model_steps.explaining import prompt_files
from model_steps.replaying import replay
from model_steps.replaying.case import Case, read_case
from model_steps.replaying.lake import context_row, fill
from model_steps.replaying.page import BEGIN, END, page_part, renewed, shown_in
from representation.cleaning import entity_id
from representation.evidence import category_label
from runtime.errors import DataError, SourceMissing, UsageError
from schemas import contexts, entities
from settings import ROOT, Settings
from tests.model_steps.caption_shop import shop_of

FILE = ROOT / "examples" / "case" / "case.toml"
SMALL = """
title = "A small case"
day = 2017-10-18
[attributes]
age = "35-44"
[[signals]]
kind = "season"
text = "autumn"
[[signals]]
kind = "weather"
text = "first frost"
[[history]]
period = 2017-10-17
actions.purchase = ["plain yogurt, 32 oz", "whole milk", "plain yogurt, 32 oz"]
[[history]]
period = "2017-09"
actions.purchase = ["whole milk"]
[[evidence]]
category = "yogurt"
days = 2
last_day = "2017-10-17"
usual_interval = 7.0
[[interests]]
category = "milk"
count = 4
"""
CATALOG = [("item", "plain yogurt, 32 oz", "yogurt"), ("item", "whole milk", "milk")]
CATALOG += [("category", "yogurt, dairy", "yogurt"), ("category", "milk, dairy", "milk")]
ROWS: list[dict[str, Any]] = [
    {
        "entity_id": entity_id(kind, text),
        "text": text,
        "kind": kind,
        "category": category,
        "category_path": f"dairy > {category}",
    }
    for kind, text, category in CATALOG
]
STYLE = {"tone": "warm", "audience": "families", "rhetoric": "question", "feeling": "joy", "season": "autumn"}


def small(text: str = SMALL) -> Case:
    return Case.model_validate(tomllib.loads(text))


def replayed(case: Case, **changed: Any) -> dict[str, Any]:
    return {
        "case": case.digest,
        "day": case.day,
        "release": "release-1",
        "representation": "text",
        "experts": "base",
        "personas": [{"expert": 1, "persona": "dairy expert", "need": "Likely | so.", "rests_on": ["yogurt"]}],
        "tags": [{"rank": 1, "tag": "milk", "expert": 1, "why": "bought <weekly>", "chosen_by": "probability"}],
        "captions": [
            {
                "item": "whole milk",
                "tag": "milk",
                "caption": "How about milk?",
                "segment": "fond of dairy",
                "style": STYLE,
                "attempts": 1,
            }
        ],
        "dropped": [],
        **changed,
    }


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("day = 2017-10-18", 'day = "18 October"', "day: '18 October' is no day; write it as YYYY-MM-DD"),
        ('kind = "season"', 'kind = "mood"', "signals.0.kind: 'mood' is no kind of signal; they are season, holiday"),
        ('kind = "weather"', 'kind = "season"', "signals has 2 of the kind season, and a day has one"),
        ('period = "2017-09"', 'period = "September"', "'September' is neither a day"),
        ('period = "2017-09"', 'period = "2017-13"', "is no day"),
        ('period = "2017-09"', "period = 2017-10-18", "2017-10-18 stands after 2017-10-17: the newest"),
        ('period = "2017-09"', 'period = "2017-10"', "2017-10 stands after 2017-10-17: the newest"),
        ("period = 2017-10-17", "period = 2017-10-19", "2017-10-19 is after the day 2017-10-18"),
        ('last_day = "2017-10-17"', 'last_day = "2017-10-20"', "2017-10-20 is after the day 2017-10-18"),
        ("days = 2", "days = 0", "evidence.0.days: Input should be greater than or equal to 1"),
        ("count = 4", 'count = 4\nbrand = "x"', "interests.0.brand: Extra inputs are not permitted"),
        ('actions.purchase = ["whole milk"]', 'actions.stole = ["whole milk"]', "history.1.actions.stole"),
        ('title = "A small case"', "", "title: Field required"),
        ("[[interests]]", '[[evidence]]\ncategory = "yogurt"\ndays = 1\nlast_day = 2017-10-01\n[[interests]]', "twice"),
        ("[[signals]]", "[[signals", "is no TOML"),
    ],
)
def test_a_bad_case_is_told_of_in_a_sentence(before: str, after: str, sentence: str, tmp_path: Path) -> None:
    assert before in SMALL
    path = tmp_path / "case.toml"
    path.write_text(SMALL.replace(before, after, 1))
    with pytest.raises(DataError) as told:
        read_case(path)
    assert sentence in str(told.value)
    assert str(path) in str(told.value)


def test_a_case_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="cannot be read: No such file"):
        read_case(tmp_path / "none.toml")


def test_a_case_is_a_context_as_the_table_has_it(lake: Lake) -> None:
    base, case = Lake.open(Path(lake.root).parent / "base"), small()
    with pytest.raises(SourceMissing, match="has no catalog"):
        fill(base, lake, case, "case.toml")
    writing.insert_new(base, entities.TABLE, pa.Table.from_pylist(ROWS, entities.TABLE.schema))
    for _again in range(2):
        fill(base, lake, case, "case.toml")
    (context,) = read_contexts(lake, case.day, [case.user_id])
    first, second = context.periods
    assert (first.name, second.name) == ("2017-10-17", "2017-09")
    yogurt, milk = (entity_id("item", text) for _, text, _ in CATALOG[:2])
    assert [(one.entity_id, one.count) for one in first.actions[0].entities] == [(yogurt, 2), (milk, 1)]
    assert context.attributes == (("age", "35-44"),)
    assert [(one.category, one.rank) for one in context.evidence or ()] == [("yogurt", 1)]
    (row,) = tables.read(lake, contexts.TABLE, case.day).to_pylist()
    assert (row["events"], row["first_day"], row["last_day"]) == (4, "2017-09-01", "2017-10-17")
    assert signals_text(lake, case.day) == "season: autumn\nweather: first frost"
    assert tables.read(lake, entities.TABLE).num_rows == len(ROWS)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            '["whole milk"]',
            '["whole mulk"]',
            "'whole mulk' is not an item's text of the catalog; the nearest is 'whole",
        ),
        ('category = "milk"', 'category = "beer"', "'beer' is not a category of the catalog"),
        ('"plain yogurt, 32 oz", ', "", "evidence names 'yogurt', and nothing of it is in the history"),
    ],
)
def test_what_the_catalog_has_not_is_told_of(before: str, after: str, sentence: str) -> None:
    changed = SMALL.replace(', "plain yogurt, 32 oz"]', "]")
    assert before in changed
    with pytest.raises(DataError, match=sentence):
        context_row(small(changed.replace(before, after, 1)), ROWS, "case.toml")


@pytest.mark.parametrize("more", [0, 1])
def test_what_was_bought_most_often_comes_first(more: int) -> None:
    texts = [text for _, text, _ in CATALOG[:2]]
    bought = json.dumps([*texts, texts[more]])
    changed = SMALL.replace('["plain yogurt, 32 oz", "whole milk", "plain yogurt, 32 oz"]', bought)
    first = context_row(small(changed), ROWS, "case.toml")["periods"][0]["actions"][0]["entities"][0]
    assert first == {"entity_id": entity_id("item", texts[more]), "count": 2}


def test_a_case_is_named_by_its_content() -> None:
    assert small().digest == small().digest != small(SMALL.replace("first frost", "rain")).digest
    assert small().user_id == small(SMALL.replace("first frost", "rain")).user_id


def test_a_page_shows_one_replay_and_what_stands_around_stays() -> None:
    case = small()
    part = page_part(case, replayed(case))
    assert "| 1 | dairy expert | Likely \\| so. | yogurt |" in part
    assert "bought &lt;weekly>" in part
    assert "How about milk?" in part
    assert "without a caption" not in part
    dropped = [{"tag": "beer", "rule": "length", "attempts": 3}]
    assert "| beer | length | 3 |" in page_part(case, replayed(case, dropped=dropped))
    page = f"# Head\n\n{BEGIN}\n{END}\n\nTail\n"
    first = renewed(page, part, "page.md")
    assert shown_in(first, "page.md") == part
    assert renewed(first, part, "page.md") == first
    assert first.startswith("# Head\n")
    assert first.endswith("\nTail\n")
    with pytest.raises(DataError, match="has no place for a replayed case"):
        renewed("# Head\n", part, "page.md")


def test_a_replay_of_another_case_is_refused() -> None:
    case = small()
    with pytest.raises(DataError, match=r"run `python -m model_steps.replay_case` again"):
        page_part(small(SMALL.replace("first frost", "rain")), replayed(case))


def test_the_shipped_page_shows_what_the_shipped_case_came_to() -> None:
    """Whoever changes the case or how it is shown replays it: ``docs/case.md`` says how."""
    case = read_case(FILE)
    shipped = json.loads((FILE.parent / "replayed.json").read_text())
    page = (ROOT / "docs" / "case.md").read_text()
    assert shown_in(page, "docs/case.md") == page_part(case, shipped)
    assert {"season", "holiday", "weather"} <= {signal.kind for signal in case.signals}
    # Structure: every tag is one of a persona's expert, and every caption one of a tag.
    experts = {one["expert"] for one in shipped["personas"]}
    assert {one["expert"] for one in shipped["tags"]} <= experts
    assert [one["rank"] for one in shipped["tags"]] == list(range(1, len(shipped["tags"]) + 1))
    tags = {one["tag"] for one in shipped["tags"]}
    assert {one["tag"] for one in (*shipped["captions"], *shipped["dropped"])} <= tags
    assert all(set(one["style"]) == set(STYLE) for one in shipped["captions"])
    shown = {category_label(one.category) for one in case.evidence}
    assert all(set(one["rests_on"]) <= shown for one in shipped["personas"])


@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"page": Path("none.md")}, SourceMissing, "--page none.md cannot be read"),
        ({"page": FILE}, DataError, "has no place for a replayed case"),
        ({"release": Path("none")}, UsageError, "--release none: there is no such folder"),
        ({"case": Path("none.toml")}, SourceMissing, "none.toml cannot be read"),
    ],
)
def test_the_command_tells_of_mistakes_before_anything_is_asked(
    changed: dict[str, Any], error: type[Exception], sentence: str, tmp_path: Path
) -> None:
    usual = {"case": FILE, "page": None, "out": None, "release": None, "lake": None, "work": str(tmp_path)}
    with pytest.raises(error, match=sentence):
        replay_case.main(argparse.Namespace(**{**usual, **changed}))
    assert list(tmp_path.iterdir()) == []


def test_captions_are_the_releases_explainers(lake: Lake, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine gets the shipped release's tuned explainer, and answers are kept as the release's own."""
    release, files = releases.load(settings.lake.first_release)
    assert prompt_files.EXPLAINER in release.adapters
    begun: list[dict[str, Any]] = []
    tuned: list[frozenset[str]] = []

    def engine(_: object, adapters: dict[str, Any]) -> Callable[[object], None]:
        begun.append(adapters)
        return lambda _: None

    def untuned(roles: frozenset[str], model: str, adaptor: str | None) -> Untuned:
        tuned.append(roles)
        return Untuned(roles, model, adaptor)

    monkeypatch.setattr(replay, "LazyEngine", engine)
    monkeypatch.setattr(replay, "Untuned", untuned)
    monkeypatch.setattr(replay, "read_shop", lambda *_: shop_of())
    monkeypatch.setattr(replay, "customers_of", lambda *_: [])
    explained = replay.explain(small(), lake, lake, (release, files), [], settings)
    assert (explained.rows, explained.dropped) == ([], [])
    assert [set(adapters) for adapters in begun] == [{prompt_files.EXPLAINER}]
    assert tuned == [frozenset({prompt_files.EXPLAINER})]
