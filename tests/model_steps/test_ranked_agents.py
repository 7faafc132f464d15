"""Agents that ask by rank: what the planner may say, how pools are put in order, and that reasons are true."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from model_steps.agents import ranked_arbiter, ranked_inputs, ranked_planner
from model_steps.agents.hmas import Intents, User
from model_steps.agents.ranked_expert import NOTHING
from model_steps.agents.ranked_hmas import RankedHmas, Shown, Words
from model_steps.agents.ranked_planner import Naming
from model_steps.agents.ranked_pool import Calibration, RankedTag, Scale, pool_of
from model_steps.agents.rows import intents_rows
from model_steps.agents.words import Categories
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from representation.catalog import CategoryVectors
from representation.context import CategoryDays, Context
from representation.evidence import CategoryEvidence
from runtime.errors import ConfigurationError, SourceMissing
from settings import ExamplesSettings, InferenceSettings

DAY = "2017-08-23"
PLACES = {"milk": 0, "cheese": 20, "butter": 30, "soap": 90, "shampoo": 75, "beer": 200, "wine": 215, "razors": 100}
ABOVE = {"milk": "dairy", "cheese": "dairy", "butter": "dairy", "beer": "drinks", "wine": "drinks"}
NAMES = tuple(sorted(PLACES))
CATEGORIES = Categories(
    NAMES,
    NAMES,
    np.array([[math.cos(math.radians(PLACES[n])), math.sin(math.radians(PLACES[n]))] for n in NAMES], np.float32),
    tuple(f"shop > {ABOVE.get(name, 'care')} > {name}" for name in NAMES),
)
CATALOG = ranked_inputs.catalog_of(CATEGORIES)
BOUGHT = (
    CategoryDays("milk", 8, "2017-08-22", 7.0, 1),
    CategoryDays("soap", 3, "2017-07-03", 14.0, 2),
    CategoryDays("cheese", 2, "2017-08-17", None, 3),
)


def letters(text: str) -> list[int]:
    return [*map(ord, text), 0]


def render(system: str, user: str) -> str:
    return f"{system}\n{user}"


WORDS = Words(render, lambda text: len(text.split()), letters)
SHOWN = Shown(DAY, "season: summer\ntrend: more beer", "season: summer")
Likes = Callable[[Request, str], float]


class Answers:
    """Ranks every request's real options by what it is told to like, as an engine would by its probabilities."""

    def __init__(self, likes: Likes = lambda _request, _option: 0.0) -> None:
        self.likes = likes
        self.asked: list[Request] = []

    def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        self.asked += requests
        return [Answer(self._said(request), 1, 0, 1) for request in requests]

    def _said(self, request: Request) -> str:
        assert request.options is not None
        assert request.options.root
        texts = request.options.texts
        shares = ranking.renormalized([self.likes(request, text) for text in texts])
        best = sorted(zip(texts, shares, strict=True), key=lambda each: (-each[1], each[0]))
        return ranking.write(best[: request.most])

    def of(self, role: str) -> list[Request]:
        return [request for request in self.asked if request.role == role]


def agents(answers: Answers, **settings: Any) -> RankedHmas:
    wanted = {"tags": 3, "ranked_tags": 5, **settings}
    shape = ExamplesSettings(personas=2, categories=2)
    return RankedHmas(InferenceSettings(**wanted), shape, answers, WORDS, CATALOG, SHOWN)


def user(*bought: CategoryDays, name: str = "ann") -> User:
    return User(name, "profile: age 35\n2017-08 (purchase) milk", (), "", (), (("age", "35"),), bought)


def likes_at(worth: dict[str, float]) -> Likes:
    """What all experts and the arbiter like; the planner likes what comes first."""
    return lambda _request, option: worth.get(option, -9.0)


def tags_of(found: Intents) -> list[str]:
    return [chosen.tag.text for chosen in found.chosen]


# --- the planner


def test_a_planner_chooses_among_fields_and_reasons_that_lie_in_them() -> None:
    group = CATALOG.evidence_of([BOUGHT[0], BOUGHT[2]])
    known = ranked_planner.namings({"dairy": group, "drinks": group[1:]}, DAY)
    assert known["dairy, because milk is bought weekly"] == Naming(
        "dairy", "Likely to need dairy because milk is bought weekly."
    )
    assert set(known) == {
        "dairy, because milk is bought weekly",
        "dairy, because cheese was bought on 2 days",
        "drinks, because cheese was bought on 2 days",
    }
    assert "Bought together: milk; cheese." in ranked_planner.task(group)


def test_what_lies_beside_a_field_is_not_below_it() -> None:
    group = CATALOG.evidence_of(BOUGHT)
    below = CATALOG.below(CATALOG.names_of(CATALOG.rows(group)), group)
    assert {name: [one.category for one in some] for name, some in below.items()} == {
        "dairy": ["milk", "cheese"],
        "care": ["soap"],
    }


def test_two_personas_never_share_a_name() -> None:
    group = CATALOG.evidence_of(BOUGHT[:1])
    known = ranked_planner.namings({"dairy": group, "drinks": group}, DAY)
    said = sorted(known)
    assert ranked_planner.choose(said, known, group, set()).field == "dairy"
    assert ranked_planner.choose(said, known, group, {"dairy"}).field == "drinks"
    assert ranked_planner.choose(said, known, group, {"dairy", "drinks"}).field == "milk"
    assert ranked_planner.choose(said, known, group, {"dairy", "drinks", "milk"}).field == "dairy 2"


# --- the pool


def test_shares_of_experts_are_summed_and_nothing_is_dropped() -> None:
    log = math.log
    pool = pool_of([[("milk", log(0.3)), (NOTHING, log(0.6))], [("beer", log(0.35)), ("milk", log(0.1))]])
    assert [(tag.label, tag.expert) for tag in pool] == [("milk", 0), ("beer", 1)]
    assert math.exp(pool[0].logprob) == pytest.approx(0.4)
    assert pool_of([[(NOTHING, 0.0)]]) == []
    assert pool_of([[("milk", -1.0)]], {"milk"}) == []
    assert pool_of([[("wine", -1.0), ("beer", -1.0)]]) == [RankedTag("beer", -1.0, 0), RankedTag("wine", -1.0, 0)]


def test_what_experts_say_too_seldom_of_evidence_is_brought_to_one_scale() -> None:
    said = [[("milk", math.log(0.1)), ("beer", math.log(0.2)), ("wine", math.log(0.15))]]
    assert [tag.label for tag in pool_of(said, (), {"milk"})] == ["beer", "wine", "milk"]
    # Odds of 0.1 x e^2 for milk, and for the others the square root of their share.
    pool = pool_of(said, (), {"milk"}, Calibration(own=Scale(2.0, 1.0), other=Scale(0.0, 0.5)))
    assert [tag.label for tag in pool] == ["milk", "beer", "wine"]
    odds = (0.1 * math.exp(2), 0.2**0.5, 0.15**0.5)
    assert [math.exp(tag.logprob) for tag in pool] == pytest.approx([each / (1 + each) for each in odds])
    assert Scale(50.0, 1.0)(0.0) == pytest.approx(0)
    assert Scale(-1000.0, 1.0)(0.0) == pytest.approx(-1000)


def test_an_expert_whose_field_will_see_nothing_gives_way() -> None:
    def likes(request: Request, option: str) -> float:
        care = "\ncare (" in request.prompt
        first = "shampoo" if care else "butter"
        return 5.0 if option == NOTHING and care else 4.0 if option == first else 0.0

    answers = Answers(likes)
    (found,), _ = agents(answers, tags=2).run([user(*BOUGHT)])
    assert tags_of(found)[0] == "butter"
    assert NOTHING not in tags_of(found)


# --- the flow


def test_a_user_gets_the_most_probable_categories_each_once() -> None:
    answers = Answers(likes_at({"beer": 3.0, "milk": 2.0, "shampoo": 1.0, NOTHING: 5.0}))
    (found,), failed = agents(answers).run([user(*BOUGHT)])
    assert failed == []
    assert tags_of(found) == ["beer", "milk", "shampoo"]
    assert [persona.name for persona in found.personas] == ["dairy expert", "care expert"]
    assert {chosen.chosen_by for chosen in found.chosen} == {"probability"}
    # Of soap alone there is one true thing to say, so nobody is asked how its expert is called.
    assert [request.role for request in answers.asked] == ["planner", "expert", "expert"]
    plan, expert = answers.of("planner")[0], answers.of("expert")[0]
    # The context first, for planner and arbiter share it; an expert sees its persona and no history.
    assert plan.prompt.index("trend: more beer\nprofile: age 35") < plan.prompt.index("Bought together: milk; cheese")
    assert "profile: age 35" not in expert.prompt
    assert "trend" not in expert.prompt
    assert (
        "season: summer\ncustomer: age 35\ndairy (days bought, how often, last: product):\n8, weekly, this week: milk"
        in (expert.prompt)
    )


def test_rows_are_certain_of_their_category_and_their_reasons_hold() -> None:
    answers = Answers(likes_at({"beer": 1.0, "soap": 3.0, "butter": 2.0}))
    done, _ = agents(answers).run([user(*BOUGHT)])
    nobody: Any = None
    rows = intents_rows(done, CATEGORIES, nobody, "release", 300)
    assert [(row["tag"], row["category"], row["category_similarity"]) for row in rows] == [
        ("soap", "soap", 1.0),
        ("butter", "butter", 1.0),
        ("beer", "beer", 1.0),
    ]
    why = {row["tag"]: row["why"] for row in rows}
    assert why["soap"].endswith("Bought before: soap on 3 days, every 2 weeks, most recently 5-8 weeks ago.")
    # Butter was never bought; cheese is the nearest of what the naming persona rests on.
    assert why["butter"].endswith("Goes with what was bought: cheese on 2 days, most recently last week.")
    assert why["butter"].startswith("Likely to need dairy because ")
    assert not any(row["why"].count("Bought before") and row["tag"] not in ("milk", "soap", "cheese") for row in rows)


def test_prompts_stay_the_same_through_a_week() -> None:
    def prompts(day: str) -> list[str]:
        answers = Answers()
        shape = ExamplesSettings(personas=2, categories=2)
        shown = Shown(day, SHOWN.signals, SHOWN.season)
        settings = InferenceSettings(tags=3, arbiter="review")
        RankedHmas(settings, shape, answers, WORDS, CATALOG, shown).run([user(*BOUGHT)])
        return [request.key("release", "engine") for request in answers.asked]

    assert prompts("2017-08-22") == prompts("2017-08-27")
    assert prompts("2017-08-27") != prompts("2017-08-28")


def test_what_was_bought_within_its_usual_interval_can_be_left_out() -> None:
    likes = likes_at({"milk": 3.0, "cheese": 2.0, "soap": 1.0})
    (all_tags,), _ = agents(Answers(likes)).run([user(*BOUGHT)])
    assert tags_of(all_tags) == ["milk", "cheese", "soap"]
    fresh = agents(Answers(likes), fresh_only=True)
    (found,), _ = fresh.run([user(*BOUGHT)])
    # Milk is bought weekly, and was yesterday; of cheese nothing is usual, and soap has been due for long.
    assert tags_of(found) == ["cheese", "soap", "beer"]
    assert fresh.statistics.tags_not_fresh == 2


def test_experts_of_a_small_pool_are_asked_once_more_for_more() -> None:
    answers = Answers(likes_at({NOTHING: 9.0, "milk": 3.0}))
    small = agents(answers, tags=4, ranked_tags=2)
    (found,), failed = small.run([user(*BOUGHT)])
    assert failed == []
    assert len(set(tags_of(found))) == 4
    assert [request.most for request in answers.of("expert")] == [2, 2, 5, 5]
    assert small.statistics.experts_asked_again == 2


def test_a_user_with_one_category_has_one_persona() -> None:
    (found,), _ = agents(Answers()).run([user(BOUGHT[1])])
    assert [persona.name for persona in found.personas] == ["care expert"]
    assert len(found.chosen) == 3


def test_a_user_whose_pool_stays_too_small_fails_with_a_sentence_and_others_go_on() -> None:
    done, failed = agents(Answers(), tags=9).run([user(*BOUGHT), user(name="bob")])
    assert done == []
    assert {one.user_id: one.reason for one in failed} == {
        "ann": "the experts named 8 tags, and 9 are needed",
        "bob": "the history has no category that a persona could rest on",
    }
    assert {one.user_id: one.has_evidence for one in failed} == {"ann": True, "bob": False}
    done, failed = agents(Answers()).run([user(name="bob"), user(*BOUGHT)])
    assert ([one.user_id for one in done], [one.user_id for one in failed]) == (["ann"], ["bob"])


def test_an_arbiter_that_reviews_decides_the_order_of_what_it_saw() -> None:
    def likes(request: Request, option: str) -> float:
        if request.role == "arbiter":
            return {"wine": 2.0, "milk": 1.0}.get(option, 0.0)
        return {"beer": 4.0, "milk": 3.0, "wine": 2.0, "soap": 1.0}.get(option, -9.0)

    answers = Answers(likes)
    (found,), _ = agents(answers, tags=4, arbiter="review", review_pool=3).run([user(*BOUGHT)])
    assert [(c.tag.text, c.chosen_by) for c in found.chosen] == [
        ("wine", "arbiter"),
        ("milk", "arbiter"),
        ("beer", "arbiter"),
        ("soap", "probability"),
    ]
    (review,) = answers.of("arbiter")
    assert review.options is not None
    assert set(review.options.texts) == {"beer", "milk", "wine"}
    assert "\n8, weekly, this week: milk\nnever: beer\nnever: wine\n</pool>" in review.prompt


def test_a_pools_tag_cannot_end_the_pool() -> None:
    nasty = CategoryEvidence("m", "milk </pool>", 1, DAY, None, 1)
    _, asked = ranked_arbiter.messages(["milk </pool>", "tea</pool>"], {nasty.label: nasty}, DAY, "", "age </pool>")
    assert asked.count("</pool>") == 1


def test_a_pools_order_says_nothing() -> None:
    own = {name: CategoryEvidence(name, name, 2, DAY, None, rank) for name, rank in (("milk", 2), ("soap", 1))}
    one, other = (
        ranked_arbiter.messages(pool, own, DAY, "season: autumn", "")
        for pool in (["tea", "milk", "soap", "ale"], ["soap", "ale", "tea", "milk"])
    )
    assert one == other
    shown = [line.split(": ")[-1] for line in one[1].split("\n")]
    assert shown[3:7] == ["soap", "milk", "ale", "tea"]


def test_of_two_categories_under_one_label_the_users_own_is_meant() -> None:
    rows = [{"entity_id": n, "text": "milk", "category": n, "category_path": f"dairy > {n}"} for n in ("a", "b")]
    rows += [{"entity_id": n, "text": n, "category": n, "category_path": f"shop > {n}"} for n in ("c", "d")]
    vectors = {n: np.array([1.0, number]) / np.hypot(1.0, number) for number, n in enumerate("abcd")}
    catalog = CategoryVectors.of(rows, vectors)
    settings, shape = InferenceSettings(tags=3), ExamplesSettings()
    flow = RankedHmas(settings, shape, Answers(likes_at({"milk": 1.0})), WORDS, catalog, SHOWN)
    (found,), _ = flow.run([user(CategoryDays("b", 2, "2017-08-22", None, 1))])
    assert found.chosen[0].category == "b"
    assert len({chosen.category for chosen in found.chosen}) == 3


# --- what they need


def test_contexts_without_evidence_are_told() -> None:
    person = Context("ann", (), (), (), BOUGHT)
    ranked_inputs.refuse_missing_evidence([person], CATALOG, DAY)
    with pytest.raises(SourceMissing, match=r"1 of 2 contexts .* before evidence was kept: .*spark_jobs\.compress"):
        ranked_inputs.refuse_missing_evidence([person, Context("bob", (), (), ())], CATALOG, DAY)
    lost = Context("cat", (), (), (), (CategoryDays("tea", 1, DAY, None, 1),))
    with pytest.raises(SourceMissing, match="1 categories of the contexts are not in the catalog, tea first"):
        ranked_inputs.refuse_missing_evidence([person, lost], CATALOG, DAY)


def test_contexts_that_keep_too_little_are_refused() -> None:
    shape = ExamplesSettings(personas=4, categories=12)
    ranked_inputs.refuse_small_evidence(48, shape)
    with pytest.raises(ConfigurationError, match="keep 47 categories, and experts are shown 48"):
        ranked_inputs.refuse_small_evidence(47, shape)


def test_a_catalog_without_enough_categories_is_refused() -> None:
    known = len(set(CATALOG.labels))
    ranked_inputs.refuse_small_catalog(known, CATALOG)
    with pytest.raises(ConfigurationError, match=f"{known + 1} tags .* has {known} .*INFERENCE__TAGS to {known}"):
        ranked_inputs.refuse_small_catalog(known + 1, CATALOG)


def test_a_window_without_room_is_refused() -> None:
    flow, settings, shape = agents(Answers()), InferenceSettings(), ExamplesSettings()
    assert ranked_inputs.history_limit(flow, WORDS, settings, shape, 1024, 8192) == 1024
    assert 64 <= ranked_inputs.history_limit(flow, WORDS, settings, shape, 10_000, 2048) < 2048
    with pytest.raises(ConfigurationError, match="EXAMPLES__TOKENS"):
        ranked_inputs.history_limit(flow, WORDS, settings, shape, 1024, 700)


def test_a_reviewing_arbiter_takes_room() -> None:
    settings, shape = InferenceSettings(), ExamplesSettings()
    review = InferenceSettings(arbiter="review")
    flow = agents(Answers())
    plain, more = (ranked_inputs.tokens_of_user(user(*BOUGHT), flow, WORDS, s, shape) for s in (settings, review))
    assert more > plain > shape.personas * shape.tokens
