"""Tags are normalized, pooled in turn, chosen by letter and completed by rule."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from model_steps.agents import arbiter, expert
from model_steps.agents.evidence import CategoryFacts
from model_steps.agents.planner import Persona, Unusable
from model_steps.agents.selection import PoolTag, distinct, pool_of, same_words, select
from model_steps.agents.words import Categories, WordFinder, readable_words
from settings import InferenceSettings

PERSONA = Persona("dairy expert", "Likely to need milk.", (CategoryFacts("y", "yogurt", 5, "2017-10", ("yogurt",)),))


def test_an_expert_reads_persona_and_evidence() -> None:
    _, user = expert.messages(PERSONA, "profile: age 30", 10, ["plain yogurt"])
    assert "dairy expert" in user
    assert "Likely to need milk." in user
    assert "- yogurt: 5 times, last 2017-10 (yogurt)" in user
    assert "plain yogurt" in user
    assert "10 different products" in user


def test_experts_of_a_customer_begin_alike() -> None:
    other = replace(PERSONA, name="meat expert", need="Likely to need ham.")
    (system, user), (other_system, other_user) = (expert.messages(p, "profile: age 30", 10) for p in (PERSONA, other))
    assert system == other_system
    assert user.index("profile: age 30") < min(
        n for n, (a, b) in enumerate(zip(user, other_user, strict=False)) if a != b
    )


def test_prompts_show_no_tag_as_example() -> None:
    _, user = expert.messages(PERSONA, "", 10)
    assert "yogurt" not in user.replace("yogurt: 5 times, last 2017-10 (yogurt)", "")


def test_tags_are_normalized_and_counted_once() -> None:
    text = '["Greek Yogurt", "greek  yogurt", "yogurt yogurt", "milk", "fresh whole whole milk", "x1 milk"]'
    assert expert.parse(text) == ["greek yogurt", "fresh whole milk"]


@pytest.mark.parametrize("text", ["", "{}", '["milk"]', '["a'])
def test_an_expert_without_tags_is_unusable(text: str) -> None:
    with pytest.raises(Unusable, match="expert"):
        expert.parse(text)


def test_the_pool_takes_experts_in_turn() -> None:
    pool = pool_of([["fresh milk", "whole milk"], ["milk fresh", "white bread"], []], 52)
    assert pool == [PoolTag("fresh milk", 0), PoolTag("whole milk", 0), PoolTag("white bread", 1)]
    assert len(pool_of([[f"tag {chr(97 + n)}x" for n in range(20)]], 5)) == 5


def test_plural_and_order_make_no_other_tag() -> None:
    assert same_words("dried apples") == same_words("apple dried")
    assert same_words("swiss cheese") != same_words("swis cheese")


def vectors(*angles: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)


POOL = [
    PoolTag(text, number % 2) for number, text in enumerate(("fresh milk", "white bread", "whole milk", "red wine"))
]


def test_the_choice_comes_first_then_the_pools_order() -> None:
    found = select(POOL, [3, 1], vectors(0, 1, 2, 3), 3, 0.9)
    assert [(chosen.tag.text, chosen.chosen_by) for chosen in found] == [
        ("red wine", "arbiter"),
        ("white bread", "arbiter"),
        ("fresh milk", "completion"),
    ]


def test_near_duplicates_are_left_out_of_choice_and_completion() -> None:
    rows = vectors(0, 1, 0.05, 2)
    found = select(POOL, [0, 2], rows, 4, 0.9)
    assert [chosen.tag.text for chosen in found] == ["fresh milk", "white bread", "red wine"]
    assert distinct(POOL, rows, 0.9) == 3


def test_the_arbiter_is_shown_the_pool_and_read_by_it() -> None:
    pool = ["fresh milk", "whole milk", "red wine"]
    assert "- whole milk" in arbiter.task(pool, 2)
    assert arbiter.parse('["red wine", "fresh milk", "red wine", "green tea"]', pool) == [2, 0]


@pytest.mark.parametrize("text", ["", "{}", '["green tea"]', "[1, null]", '["red'])
def test_an_arbiter_without_choice_is_unusable(text: str) -> None:
    with pytest.raises(Unusable, match="nothing"):
        arbiter.parse(text, ["red wine"])


def test_thirty_tags_fit_a_pool() -> None:
    assert InferenceSettings(asking="written", personas=5, tags_per_expert=10, tags=30).tags == 30
    with pytest.raises(ValidationError, match="52 tags"):
        InferenceSettings(asking="written", personas=6, tags_per_expert=10)
    with pytest.raises(ValidationError, match="raise one"):
        InferenceSettings(asking="written", personas=2, tags_per_expert=10, tags=30)


def test_words_are_readable_and_from_the_catalog() -> None:
    texts = ["frzn ss premium entrees", "granola bars", "granola mix", "accesso", "accessories", "accessories kit"]
    words = readable_words(texts, frozenset({"premium", "bars", "kit"}))
    assert words == {"premium", "bars", "kit", "granola", "accessories"}


def test_words_come_from_near_categories() -> None:
    names = tuple(f"c{n}" for n in range(30))
    texts = tuple(f"word{chr(97 + n % 26)}{'x' * (n // 26)} kind{chr(97 + n % 26)}" for n in range(30))
    finder = WordFinder(
        Categories(names, texts, vectors(*(n / 10 for n in range(30)))),
        frozenset(word for text in texts for word in text.split()),
        15,
    )
    near = finder.near(["c0"])
    assert "worda" in near
    assert "wordz" not in near
    assert near == finder.near(["c0"])
    assert finder.near(["unknown"]) == ()
    # A catalog with a handful of words lets experts use any letters.
    small = Categories(names[:5], texts[:5], vectors(*(n / 10 for n in range(5))))
    assert WordFinder(small, frozenset(word for text in texts for word in text.split()), 15).near(["c0"]) == ()
    assert Categories(names, texts, vectors(*(n / 10 for n in range(30)))).nearest(vectors(0.11))[0][0] == "c1"
