"""What experts are taught: distributions over the tag space, as branches behind one prompt."""

from __future__ import annotations

import random

import pytest

from model_steps.agents.ranked_expert import NOTHING, tag_space
from model_steps.training.experts.targets import target_shares
from model_steps.training.lora.taught import packed, teach

WORDS = {"corn": 1, "oil": 2, "milk": 3, "white": 4, "nothing": 5}
END = 9


def tokens(text: str) -> list[int]:
    return [*(WORDS[word] for word in text.split()), END]


OPTIONS = tag_space(["corn", "corn oil", "white milk", "milk"], tokens)


def test_what_is_left_of_the_set_is_nothing() -> None:
    shares = target_shares(["milk", "corn"], 15, random.Random(0))
    assert shares == {"corn": 1 / 15, "milk": 1 / 15, NOTHING: pytest.approx(13 / 15)}
    assert target_shares([], 15, random.Random(0)) == {NOTHING: 1.0}


def test_of_more_outcomes_a_set_of_the_size_is_drawn() -> None:
    many = [f"tag {number}" for number in range(40)]
    shares = target_shares(many, 15, random.Random(0))
    assert len(shares) == 15
    assert NOTHING not in shares
    assert shares != target_shares(many, 15, random.Random(1))


def test_branches_share_what_tags_begin_with() -> None:
    taught = teach([7, 8], {"corn": 0.2, "corn oil": 0.3, NOTHING: 0.5}, OPTIONS)
    # Behind the prompt only `corn` needs a token: all else is the last one of its path.
    assert taught.tokens == (7, 8, 1)
    assert taught.parents == (1,)
    assert taught.depths == (1,)
    first, second = taught.questions
    assert dict(zip(first.node.children, first.shares, strict=True)) == {
        1: pytest.approx(0.5), 3: 0, 4: 0, 5: 0.5
    }  # fmt: skip
    assert first.position == 1
    assert dict(zip(second.node.children, second.shares, strict=True)) == {2: 0.3, END: 0.2}
    assert second.position == 2


def test_each_questions_shares_are_what_reaches_it() -> None:
    shares = target_shares(["corn", "corn oil", "milk", "white milk"], 15, random.Random(0))
    for question in teach([7], shares, OPTIONS).questions:
        reaching = sum(
            share
            for tag, share in shares.items()
            if tuple(tokens(tag))[: len(question.node.path)] == question.node.path
        )
        assert sum(question.shares) == pytest.approx(reaching)


def test_what_was_expected_of_the_evidence_weighs_beside_what_came_true() -> None:
    shares = target_shares(["milk"], 10, random.Random(0), {"milk": 0.5, "corn": 0.2}, 0.5)
    assert shares == {
        "milk": pytest.approx(0.075), "corn": pytest.approx(0.01), NOTHING: pytest.approx(0.915)
    }  # fmt: skip
    assert target_shares(["milk"], 10, random.Random(0), {"corn": 0.2}, 0.0) == target_shares(
        ["milk"], 10, random.Random(0)
    )
    # A set that is too full has no room for nothing, and its shares still sum to one.
    full = target_shares(["milk", "corn"], 2, random.Random(0), {"white milk": 1.0}, 1.0)
    assert full == dict.fromkeys(["milk", "corn", "white milk"], pytest.approx(1 / 3))


def test_prompts_that_begin_alike_stand_once() -> None:
    one = teach([7, 8, 6], {"corn oil": 0.3, NOTHING: 0.7}, OPTIONS)
    two = teach([7, 8, 5, 5], {"milk": 1.0}, OPTIONS)
    both = packed([one, two])
    assert both.tokens == (7, 8, 6, 1, 5, 5)
    assert both.prompt_tokens == 2
    assert both.parents == (1, 2, 1, 4)
    assert both.depths == (1, 2, 1, 2)
    assert both.examples == 2
    assert [each.position for each in both.questions] == [2, 3, 5]
    assert packed([one]) == one
