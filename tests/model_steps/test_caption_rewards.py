"""R_div against values by hand, eviction included, and the reward that it gates."""

from __future__ import annotations

import math
from functools import partial

import pytest

from model_steps.training.reinforcement.captions import (
    ALIGNMENT,
    DIVERSITY,
    MEMORY,
    PARTS,
    CaptionMemory,
    diversity,
    reward,
)
from model_steps.training.reinforcement.shaping import summed


def memory_of(*captions: str, size: int = MEMORY) -> CaptionMemory:
    memory = CaptionMemory(size)
    for caption in captions:
        memory.add(caption)
    return memory


def test_the_paper_holds_160_captions() -> None:
    assert MEMORY == 160


def test_it_is_the_mean_over_words_of_the_logarithm() -> None:
    memory = memory_of("Warm wool today.", "Warm milk.", "Cold milk, cold night.", "Pears!")
    # warm is in 2 of 4, soup in none: (log(4/3) + log(4/1)) / 2.
    assert diversity("Warm soup", memory) == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)
    # cold stands twice in one caption, which counts once: 4/2; and twice in the scored one, which counts twice.
    assert diversity("cold cold milk", memory) == pytest.approx((2 * math.log(4 / 2) + math.log(4 / 3)) / 3)
    # A word that all have is worth slightly less than nothing.
    assert diversity("milk", memory_of("milk", "milk")) == pytest.approx(math.log(2 / 3))
    # One caption held: log(1 / 1) for a new word, log(1 / 2) for a known one.
    assert diversity("new", memory_of("old")) == 0.0
    assert diversity("old", memory_of("old")) == pytest.approx(-math.log(2))


def test_scoring_leaves_the_memory() -> None:
    memory = memory_of("a b", "b c")
    assert diversity("b", memory) == diversity("b", memory) == pytest.approx(math.log(2 / 3))
    assert len(memory) == 2


def test_the_oldest_leaves_a_full_memory() -> None:
    memory = memory_of("first wool", *["milk"] * 159)
    assert (len(memory), memory.holding("wool"), memory.holding("milk")) == (160, 1, 159)
    assert diversity("wool", memory) == pytest.approx(math.log(160 / 2))
    memory.add("pears")
    assert (len(memory), memory.holding("wool"), memory.holding("first")) == (160, 0, 0)
    assert diversity("wool", memory) == pytest.approx(math.log(160))
    assert diversity("pears milk", memory) == pytest.approx((math.log(160 / 2) + math.log(160 / 160)) / 2)
    for _ in range(160):
        memory.add("soup")
    assert (memory.holding("milk"), memory.holding("pears"), memory.holding("soup")) == (0, 0, 160)


def test_equal_captions_are_several_and_leave_one_by_one() -> None:
    memory = memory_of("warm", "warm", "cold", size=3)
    memory.add("dry")
    assert memory.holding("warm") == 1
    assert diversity("warm", memory) == pytest.approx(math.log(3 / 2))


def test_a_kept_memory_goes_on_as_it_was() -> None:
    memory = memory_of("Warm wool, 14.5 oz.", "Children's milk", "Pears", size=3)
    again = CaptionMemory.of_state(memory.state(), size=3)
    assert again.state() == memory.state()
    for one in (memory, again):
        one.add("Soup")
    assert again.state() == memory.state()
    assert (again.holding("wool"), again.holding("children's")) == (0, 1)


def test_what_cannot_be_scored_is_missing_and_not_zero() -> None:
    assert diversity("warm", CaptionMemory()) is None
    assert diversity("...", memory_of("milk")) is None


def test_alignment_is_the_reward_and_diversity_its_gate() -> None:
    memory = memory_of("warm milk", "cold milk")
    # warm: log(2/2) = 0; soup: log 2. The threshold itself passes.
    score = partial(reward, memory=memory)
    assert score("warm", 0.7, threshold=0.0).reward == 0.7
    assert score("warm", 0.7, threshold=0.01).reward == 0.0
    assert score("soup", 0.7, threshold=math.log(2)).reward == 0.7
    assert score("milk", 0.7, threshold=0.0).gates == {DIVERSITY: False}
    assert score("soup", None, threshold=0.1).reward is None
    assert score("milk", None, threshold=0.1).reward == 0.0
    assert reward("soup", 0.7, CaptionMemory(), 0.1).reward is None


def test_the_sum_differs_in_nothing_but_the_combining() -> None:
    memory = memory_of("warm milk", "cold milk")
    weights = dict(zip(PARTS, (0.5, 2.0), strict=True))
    product = reward("milk", 0.8, memory, 0.1)
    rival = reward("milk", 0.8, memory, 0.1, summed(weights))
    assert (product.parts, product.gates) == (rival.parts, rival.gates)
    assert product.reward == 0.0
    assert rival.reward == pytest.approx(0.5 * 0.8 + 2.0 * math.log(2 / 3))
    assert set(product.parts) == {ALIGNMENT, DIVERSITY}
