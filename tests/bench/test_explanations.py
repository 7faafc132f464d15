"""Captions side by side: who gets them, what the figures are, and that nothing is asked twice."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import explanations
from bench.captions import figures, judged, picture, ways, without_model
from bench.captions.asking import Asking
from bench.captions.costs import OneEngine
from bench.captions.readers import Audience, audiences, chunks_of
from bench.captions.ways import BASE, UNTUNED, V1, Way
from bench.captions.without_model import RANDOM_WORDS, TEMPLATE
from bench.captions.written import Caption, Outcome
from lake.registry import releases
from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps.embedding.slots import EntitySlots
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.explaining import prompt_files
from representation.catalog import CategoryVectors
from representation.context import CategoryDays, Context
from runtime.errors import InfrastructureError, UsageError
from settings import ExamplesSettings, ExplanationsSettings
from tests.model_steps.caption_shop import CARDIGAN, CEREAL, DAY, ITEMS, YOGURT, customer, embed, shop_of, tokenizes

SHAPE = ExamplesSettings(personas=2, categories=2)
NAMES = ("apples", "bread", "cheese", "milk", "rolls")
CATALOG = CategoryVectors(
    NAMES,
    NAMES,
    ("fruit", "bakery", "dairy", "dairy", "bakery"),
    np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0.2, 0.98], [0, 0.98, 0.2]], np.float32),
)
SETTINGS = ExplanationsSettings(tags=1, not_bought_days=0, attempts=2)
STYLES = ("warm", "calm", "plain", "lively")


def person(number: int, *bought: str) -> Context:
    evidence = tuple(CategoryDays(name, 3, "2017-10-02", None, rank) for rank, name in enumerate(bought, start=1))
    return Context(f"{number:016x}", (), (), (), evidence)


PEOPLE = [
    *(person(number, "milk", "bread") for number in range(6)),
    *(person(number, "cheese", "apples") for number in range(6, 9)),
    person(9),
]


def chosen(people: Sequence[Context] = PEOPLE, items: int = 3, readers: int = 4) -> list[Audience]:
    return audiences(people, CATALOG, lambda found: set(found) - {"rolls"}, items, readers, SHAPE)


def test_categories_that_enough_users_buy_from_come_first_and_others_join_by_likeness() -> None:
    groups = chosen()
    assert [group.fitting for group in groups] == [4, 4, 3]
    assert {group.category for group in groups[:2]} == {"milk", "bread"}
    for group in groups:
        assert len({customer.context.user_id for customer in group.customers}) == 4
        assert {tag.category for customer in group.customers for tag in customer.tags} == {group.category}
    by_category = {group.category: group for group in chosen(items=4)}
    # Whoever buys milk is nearer to cheese than whoever buys nothing, and comes with the persona that has the milk.
    joined = {customer.context.user_id: customer.tags[0].persona for customer in by_category["cheese"].customers}
    assert any(int(user, 16) < 6 for user in joined)
    assert f"{9:016x}" not in joined
    assert set(joined.values()) == {"dairy expert"}


def test_the_same_people_in_any_order_read_the_same() -> None:
    assert chosen(PEOPLE[::-1]) == chosen()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"readers": 11}, "10 users have a history, and 11 are wanted"),
        ({"items": 5}, "buy from 4 categories that get captions, and 5 are wanted"),
    ],
)
def test_too_few_are_told_of(changed: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        chosen(**changed)


def test_in_a_chunk_a_user_stands_once_and_no_pair_is_lost() -> None:
    groups = [Audience(item.category, tuple(customer(f"{n:016x}", [item]) for n in range(3)), 3) for item in ITEMS]
    chunks = chunks_of(groups, 5)
    for chunk in chunks:
        assert len(chunk) <= 5
        assert len({customer.context.user_id for customer in chunk}) == len(chunk)
    pairs = [(customer.context.user_id, customer.tags[0].category) for chunk in chunks for customer in chunk]
    assert sorted(pairs) == sorted(
        (customer.context.user_id, group.category) for group in groups for customer in group.customers
    )


# --- figures


def caption(category: str, user: str, text: str | None, *broken: str, kept: str | None = None) -> Caption:
    return Caption(category, user, text, broken, kept if broken else text)


def outcome(*texts: tuple[str, Sequence[str]]) -> Outcome:
    """Captions that keep the rules, by category."""
    return Outcome(
        tuple(caption(category, str(number), text) for category, of in texts for number, text in enumerate(of))
    )


def test_diversity_is_one_less_rouge_by_item() -> None:
    # a b c against a b d: two of three words in both; the same twice: none differs.
    found = outcome(("x", ["a b c", "a b d"]), ("y", ["a b", "a b"]), ("z", ["alone"]))
    assert figures.diversities(found, figures.first) == pytest.approx([1 / 3, 0.0, np.nan], nan_ok=True)
    told = figures.of_way(found)
    assert told["diversity"]["value"] == pytest.approx(1 / 6, abs=1e-4)
    assert (told["items_compared"], told["published"]["value"], told["leak_rate"]["value"]) == (2, 1.0, 0.0)


def test_what_breaks_a_rule_counts_in_the_figure_of_all_first_captions_alone() -> None:
    first = [
        caption("x", "1", "w v u", "invented_attribute", kept="a b c"),
        caption("x", "2", "r s t", "length"),
        caption("x", "3", "a b c"),
    ]
    told = figures.of_way(Outcome(tuple(first)))
    assert (told["diversity"]["value"], told["diversity_of_first"]["value"]) == (0.0, 1.0)
    assert told["keeps_rules"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert told["published"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert told["leak_rate"]["value"] == pytest.approx(1 / 3, abs=1e-4)


def test_a_pair_without_a_style_has_no_caption_and_keeps_no_rule() -> None:
    told = figures.of_way(Outcome((caption("x", "1", None), caption("x", "2", "a b"))))
    assert (told["keeps_rules"]["value"], told["leak_rate"]["value"]) == (0.5, 0.0)
    assert told["diversity"] == {"value": None, "low": None, "high": None}


def items_of(pairs: Sequence[tuple[str, str]]) -> Outcome:
    return outcome(*((f"item{number}", pair) for number, pair in enumerate(pairs)))


ALIKE, HALF, APART = ("a b", "a b"), ("a b", "a c"), ("a b", "c d")


@pytest.mark.parametrize(
    ("better", "than", "percent", "says"),
    [
        ([APART] * 6, [HALF] * 6, 100.0, "higher"),
        ([HALF] * 6, [APART] * 6, -50.0, "lower"),
        ([HALF] * 6, [HALF] * 6, 0.0, "lower"),
        ([APART, HALF, HALF, APART, HALF, HALF], [HALF, APART, HALF, HALF, HALF, HALF], 14.2857, "undecided"),
    ],
)
def test_the_papers_gain_is_looked_for_item_by_item(
    better: list[tuple[str, str]], than: list[tuple[str, str]], percent: float, says: str
) -> None:
    claims = figures.held({BASE: items_of(better), V1: items_of(than)})
    (claim,) = [one for one in claims if (one["better"], one["at_least"]) == (BASE, figures.PAPER)]
    assert claim["percent"]["value"] == pytest.approx(percent, abs=1e-3)
    assert claim["says"] == says
    assert {one["better"]: one["says"] for one in claims if one["better"] in ways.TUNED} == {
        "meta_sft": "absent",
        "meta_rl": "absent",
    }


def test_where_nothing_can_be_compared_nothing_is_claimed() -> None:
    assert figures.gained(np.array([np.nan, 0.5]), np.array([0.5, np.nan])) == {
        "value": None,
        "low": None,
        "high": None,
    }
    assert figures.against({"value": None, "low": None, "high": None}, 7.3) == "undecided"


class Judge:
    """Passes what begins with an a; clarity alone decides about one that begins with b."""

    name = "judge-1"
    calibrated: Mapping[str, Any] = {}

    def judge(self, shown: Sequence[judged.Shown]) -> list[dict[str, bool]]:
        whole = dict.fromkeys(judged.DIMENSIONS, True)
        return [{**whole, "clarity": one.caption.startswith("a")} for one in shown]


def test_quality_is_absent_without_a_judge_and_else_the_share_that_passes_everything() -> None:
    found = Outcome((caption("x", "1", "a"), caption("x", "2", "b"), caption("x", "3", "c", "length")))
    pairs: Any = {("1", "x"): None, ("2", "x"): None}
    assert judged.quality(None, {V1: found}, pairs, shop_of()) == {V1: {"absent": judged.WITHOUT}}
    assert judged.quality(Judge(), {V1: found, BASE: Outcome(())}, pairs, shop_of()) == {
        # One item alone shows no spread.
        V1: {"value": 0.5, "low": None, "high": None},
        BASE: {"value": None, "low": None, "high": None},
    }
    assert judged.told_of(None) == {"absent": judged.WITHOUT}
    assert judged.told_of(Judge()) == {"name": "judge-1", "calibrated": {}}


# --- asking


class Model:
    """Writes a sentence by prompt and seed, and fails where it is told to."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.seconds, self.starts, self.waves_left, self.closed = 0.0, 0, -1, 0
        self.styleless = "nothing that a prompt says"

    def __call__(self, slots: EntitySlots | None) -> Model:
        assert slots is None
        self.starts += 1
        return self

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        if self.waves_left == 0:
            raise InfrastructureError("The engine was killed.")
        self.waves_left -= 1
        self.asked += requests
        return [Answer(self._answer(request), 100, 20, 7) for request in requests]

    def _answer(self, request: Request) -> str:
        text = self._text(request)
        return text if request.options is None else ranking.write([(text, -1.0)])

    def _text(self, request: Request) -> str:
        seed = request.sampling.seed
        if request.role == prompt_files.STYLIST:
            if self.styleless in request.prompt:
                return "{}"
            return json.dumps(
                {
                    "tone": STYLES[seed % 4],
                    "audience": "everyone",
                    "rhetoric": "question",
                    "feeling": "joy",
                    "season": "autumn",
                }
            )
        if request.role == prompt_files.RIVAL and request.attempt == 0:
            return "A silk promise, forever."
        what = next(line for line in request.prompt.splitlines() if line.startswith("item: ")).removeprefix("item: ")
        return f"How about {what} this {('week', 'evening', 'time')[seed % 3]}?"

    def reset_prefix_cache(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


SHOWN = (YOGURT, CEREAL, CARDIGAN)


def asking(work: Lake, chunk: int = 3) -> Asking:
    groups = [
        Audience(item.category, tuple(customer(f"{number:016x}", [item]) for number in range(4)), 4) for item in SHOWN
    ]
    return Asking(
        work=work,
        day=DAY,
        shop=shop_of(),
        settings=SETTINGS,
        chunks=chunks_of(groups, chunk),
        render=lambda system, user: f"{system}\n{user}",
        tokenizes=tokenizes,
        embed=embed,
        model="model",
        engine="float32",
    )


def write(lake: Lake, model: Model) -> dict[str, Outcome]:
    engine = OneEngine(model)
    return {way.name: asking(lake).ask(way, "closed", engine) for way in UNTUNED}


def test_each_way_is_asked_of_the_same_pairs_and_a_second_run_asks_nothing(lake: Lake) -> None:
    model = Model()
    found = write(lake, model)
    assert model.starts == 1
    pairs = {(one.user_id, one.category) for one in found[V1].captions}
    assert len(pairs) == len(found[V1].captions) == 12
    assert {(one.user_id, one.category) for one in found[BASE].captions} == pairs
    # V1's first tries break rules and its second ones keep them.
    assert all(one.broken and one.kept != one.first for one in found[V1].captions)
    assert all(not one.broken and one.kept == one.first for one in found[BASE].captions)
    assert found[V1].told["answers"] == {"explainer_v1": 24}
    assert found[V1].told["output_tokens_per_caption"] == 14.0
    assert all(one.style is None for one in found[V1].captions)
    assert {one.style.tone for one in found[BASE].captions if one.style} <= set(STYLES)
    assert all(one.style for one in found[BASE].captions)
    # Four users of one segment share an item's style.
    assert found[BASE].told["styles"] == 3
    assert found[BASE].told["style_cache_hit_rate"] == pytest.approx(9 / 12)
    assert found[BASE].told["answers"] == {"explainer": 12, "stylist": 3}

    again, later = write(lake, silent := Model()), {name: dict(one.told) for name, one in found.items()}
    assert (silent.asked, silent.starts) == ([], 0)
    assert {name: one.captions for name, one in again.items()} == {name: one.captions for name, one in found.items()}
    told = {name: dict(one.told) for name, one in again.items()}
    # What the asking took is known still.
    assert [one.pop("model_calls") for one in told.values()] == [0, 0]
    assert [one.pop("model_calls") for one in later.values()] == [24, 15]
    assert told == later
    assert told[BASE]["seconds_per_caption"] is not None


def test_a_pair_that_gets_no_style_has_no_caption_of_another_item(lake: Lake) -> None:
    model = Model()
    model.styleless = "cereal"
    found = asking(lake).ask(UNTUNED[1], "closed", OneEngine(model))
    by_category: dict[str, list[str | None]] = {}
    for one in found.captions:
        by_category.setdefault(one.category, []).append(one.first)
    assert by_category[CEREAL.category] == [None] * 4
    assert None not in by_category[YOGURT.category] + by_category[CARDIGAN.category]


def test_a_killed_run_goes_on_at_its_chunk(lake: Lake) -> None:
    killed = Model()
    killed.waves_left = 5
    with pytest.raises(InfrastructureError):
        write(lake, killed)
    rest = Model()
    found = write(lake, rest)
    whole = write(Lake.open(Path(lake.root).parent / "other"), Model())
    assert {name: one.captions for name, one in found.items()} == {name: one.captions for name, one in whole.items()}
    # Two waves a chunk of V1: the third chunk was lost, and is asked again whole.
    assert len(killed.asked) == 5 * 3
    assert len(rest.asked) == 24 + 15 - 2 * 2 * 3


def test_the_free_form_takes_the_styles_and_their_seconds_from_the_closed_one(lake: Lake) -> None:
    model = Model()
    closed = asking(lake).ask(UNTUNED[1], "closed", OneEngine(model))
    free = asking(lake).ask(UNTUNED[1], "free", OneEngine(model))
    styles = [request for request in model.asked if request.role == prompt_files.STYLIST]
    assert len(styles) == closed.told["styles"] == free.told["styles"] == 3
    assert free.told["timed_answers"] == {"explainer": 12, "stylist": 3}


def test_a_tuned_way_asks_anew_what_it_has_an_adapter_for_alone(lake: Lake) -> None:
    model = Model()
    write(lake, model)
    before = len(model.asked)
    tuned = Way("meta_sft", "meta", "captions-1", {prompt_files.EXPLAINER: object()})  # type: ignore[dict-item]
    asking(lake).ask(tuned, "closed", OneEngine(model))
    assert {request.role for request in model.asked[before:]} == {prompt_files.EXPLAINER}
    assert len(model.asked) - before == 12


# --- without a model


@pytest.mark.parametrize("way", [TEMPLATE, RANDOM_WORDS])
def test_what_is_drawn_is_drawn_the_same_again(way: str, lake: Lake) -> None:
    assert asking(lake).draw(way) == asking(lake).draw(way)
    assert set(asking(lake).draw(way).captions) == set(asking(lake, chunk=4).draw(way).captions)
    assert without_model.drawing(way, *_pair(lake))(0) != without_model.drawing(way, *_pair(lake))(1)


def _pair(lake: Lake) -> tuple[Any, Any, Any]:
    pair = next(iter(asking(lake).pair_of.values()))
    return pair, shop_of().surroundings, SETTINGS


def test_templates_keep_the_rules_and_random_words_are_more_diverse_than_sense(lake: Lake) -> None:
    """Why the figure alone says little: whoever wants it high writes nonsense, of which code sees but a part."""
    drawn = {way: figures.of_way(asking(lake).draw(way)) for way in (TEMPLATE, RANDOM_WORDS)}
    assert drawn[TEMPLATE]["keeps_rules"]["value"] == 1.0
    assert drawn[RANDOM_WORDS]["diversity"]["value"] > drawn[TEMPLATE]["diversity"]["value"]
    assert drawn[RANDOM_WORDS]["published"]["value"] > 0.5


def test_a_template_says_nothing_that_the_item_has_not(lake: Lake) -> None:
    settings = ExplanationsSettings(tags=1, not_bought_days=0, attempts=1)
    for item in ITEMS:
        groups = [Audience(item.category, tuple(customer(f"{n:016x}", [item]) for n in range(40)), 40)]
        found = asking(lake)
        every = Asking(**{**vars(found), "chunks": chunks_of(groups, 40), "settings": settings}).draw(TEMPLATE)
        assert all(not one.broken for one in every.captions)
        assert len({one.first for one in every.captions}) > 10


# --- the command


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        (["sft"], "is not NAME=FOLDER"),
        (["meta_base=."], "there is a way meta_base already"),
        (["meta_sft=.", "meta_sft=."], "there is a way meta_sft already"),
        (["template=."], "there is a way template already"),
        (["meta_sft=nowhere"], "there is no folder nowhere"),
    ],
)
def test_a_release_that_is_named_wrongly_is_told_of(entries: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        ways.named(entries)


def test_a_release_whose_captions_are_not_tuned_is_refused(tmp_path: Path) -> None:
    release = Release("model", {}, "embedder", {}, {})
    folder = releases.save(tmp_path, release, {})
    with pytest.raises(UsageError, match="it has no adapter for the explainer"):
        ways.tuned("meta_sft", folder, tmp_path)


def test_absent_ways_are_told_with_what_to_do(tmp_path: Path) -> None:
    assert set(ways.absent({})) == {"meta_sft", "meta_rl"}
    assert list(ways.absent({"meta_sft": tmp_path})) == ["meta_rl"]
    assert "--release meta_rl=FOLDER" in ways.absent({})["meta_rl"]


@pytest.mark.parametrize("flags", [{"users": 0}, {"items": 0}, {"readers": 1}])
def test_sizes_that_compare_nothing_are_told_of_first(flags: Mapping[str, int]) -> None:
    usual = {"users": 5, "items": 2, "readers": 2, "release": []}
    with pytest.raises(UsageError, match="at least"):
        explanations.main(argparse.Namespace(**{**usual, **flags}))


def test_the_picture_is_the_same_for_the_same_figures(lake: Lake, tmp_path: Path) -> None:
    written = {TEMPLATE: asking(lake).draw(TEMPLATE), **write(lake, Model())}
    shown = {
        **figures.side_by_side(written),
        "other_forms": {"free": figures.side_by_side(write(lake, Model()))},
        "items": 3,
        "readers": 4,
        "day": DAY,
    }
    drawn = [picture.draw(shown, tmp_path / name) for name in ("first", "second")]
    assert drawn[0].name == f"explanations-{DAY}.svg"
    assert drawn[0].read_bytes() == drawn[1].read_bytes()
