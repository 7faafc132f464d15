"""What the adaptor learns from: questions, examples in token ids, and the course of the learning rate."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model_steps.engine.hybrid_prompt import assemble
from model_steps.training.examples import IGNORED, Encoded, Example, encode, pad, read, write
from model_steps.training.loop import learning_rate
from model_steps.training.questions import (
    OPTIONS,
    PHRASINGS,
    Described,
    Question,
    ask,
    attributes_of,
    options_of,
    questions_of,
)
from representation.hybrid import SLOT
from runtime.errors import DataError
from settings import AdaptorSettings

# Texts and paths as the Complete Journey's catalog has them.
CEREAL = Described(
    "19a9f2b6b0a88038",
    "all family cereal, cold cereal, grocery, national, 13.8 oz",
    "grocery > cold cereal > all family cereal",
    "National",
)
COUPON = Described("c0", "coupon for sugar", "grocery > sugars/sweetners > sugar", None)
END = 7


def letters(text: str) -> list[int]:
    """A tokenizer: one token a character."""
    return [ord(letter) for letter in text]


# --- questions


def test_what_a_products_text_says_is_told_by_attribute() -> None:
    assert attributes_of(CEREAL) == {
        "department": "grocery",
        "category": "cold cereal",
        "type": "all family cereal",
        "brand": "national",
        "size": "13.8 oz",
    }


def test_of_a_coupon_only_what_its_text_says_is_told() -> None:
    assert attributes_of(COUPON) == {"type": "sugar"}


def test_a_path_of_two_levels_has_no_category_between() -> None:
    entity = Described("e", "soda, drinks, private", "drinks > soda", "Private")
    assert attributes_of(entity) == {"department": "drinks", "type": "soda", "brand": "private"}


def test_of_four_levels_the_category_is_the_one_above_the_last() -> None:
    entity = Described("e", "gouda, cheese, dairy, food", "food > dairy > cheese > gouda", None)
    assert attributes_of(entity) == {"department": "food", "category": "cheese", "type": "gouda"}


@pytest.mark.parametrize(
    "entity",
    [
        replace(CEREAL, path="bakery > fresh bread > white bread", brand="Private", text="all family cereal, grocery"),
        replace(CEREAL, path="", brand=None, text="all family cereal, cold cereal"),
        replace(CEREAL, path="", brand="", text="all family cereal, cold cereal"),
        replace(CEREAL, path="GROCERY", brand=None, text="all family cereal, grocery"),
    ],
    ids=["says nothing of it", "nothing is known", "a brand without a name", "said otherwise"],
)
def test_what_the_text_does_not_say_is_not_told(entity: Described) -> None:
    assert attributes_of(entity) == {}


def test_a_short_name_counts_only_as_a_field_of_its_own() -> None:
    """Three letters stand inside too many words."""
    assert attributes_of(Described("e", "steak, beef", "tea", None)) == {}
    assert attributes_of(Described("e", "green bag, tea", "tea", None)) == {"department": "tea", "type": "tea"}


@pytest.mark.parametrize("size", ["12 oz", ".5 oz", "16 ct/24 oz", "8/.9 oz", "1 lb 3.70 oz", "64 load", "2 l"])
def test_a_size_is_a_number_with_a_unit(size: str) -> None:
    assert attributes_of(replace(CEREAL, text=f"cold cereal, {size}"))["size"] == size


@pytest.mark.parametrize("last", ["national", "vitamin b12", "12", "12 ", "oz 12", "approx 12 oz", ".oz", "12 OZ", ""])
def test_what_is_no_number_with_a_unit_is_no_size(last: str) -> None:
    assert "size" not in attributes_of(replace(CEREAL, text=f"cold cereal, {last}"))


def test_a_size_that_is_not_the_last_field_is_not_asked_for() -> None:
    assert "size" not in attributes_of(replace(CEREAL, text="13.8 oz, cold cereal"))


def test_each_attribute_is_asked_for_once_in_a_phrasing_of_its_own() -> None:
    found = questions_of(CEREAL, random.Random(0))
    assert {question.attribute: question.answer for question in found} == attributes_of(CEREAL)
    assert len(found) == 5
    for question in found:
        assert question.question in PHRASINGS[question.attribute]
        assert question.answer in question.text
        assert (question.entity_id, question.text) == (CEREAL.entity_id, CEREAL.text)
    assert [question.attribute for question in questions_of(COUPON, random.Random(0))] == ["type"]


def test_no_question_could_be_another_attributes() -> None:
    everything = [phrasing for phrasings in PHRASINGS.values() for phrasing in phrasings]
    assert len(set(everything)) == len(everything)


def test_the_same_seed_asks_the_same_and_others_ask_otherwise() -> None:
    def asked(seed: int) -> list[Question]:
        chance = random.Random(seed)
        return [question for _ in range(5) for question in questions_of(CEREAL, chance)]

    assert asked(1) == asked(1)
    assert asked(1) != asked(2)


def test_every_phrasing_is_used() -> None:
    chance = random.Random(0)
    for attribute, phrasings in PHRASINGS.items():
        found = {ask(CEREAL, attribute, "x", chance).question for _ in range(200)}
        assert found == set(phrasings)


def question(answer: str) -> Question:
    return Question("e", f"{answer}, shop", "type", "What is this product?", answer)


def test_options_hold_the_answer_once_among_others() -> None:
    answers = [f"kind {number}" for number in range(40)] * 2
    for seed in range(50):
        options = options_of(question("kind 7"), answers, random.Random(seed))
        assert options.count("kind 7") == 1
        assert len(set(options)) == len(options) == OPTIONS == 10
        assert set(options) <= set(answers)
        # Its place betrays nothing.
        assert options == sorted(options)


def test_options_are_as_many_as_there_are_different_answers() -> None:
    assert options_of(question("tea"), ["tea", "ale", "tea", "rum", "ale"], random.Random(0)) == ["ale", "rum", "tea"]
    assert options_of(question("tea"), ["ale", "rum"], random.Random(0)) == ["ale", "rum", "tea"]
    assert options_of(question("tea"), [], random.Random(0)) == ["tea"]


def test_options_follow_the_seed_and_not_the_order_of_the_answers() -> None:
    answers = [f"kind {number}" for number in range(40)]
    one, same = (options_of(question("tea"), some, random.Random(5)) for some in (answers, answers[::-1]))
    assert one == same
    others = {tuple(options_of(question("tea"), answers, random.Random(seed))) for seed in range(20)}
    assert len(others) == 20


# --- examples


def test_an_example_becomes_ids_with_slots_and_a_target_that_ends() -> None:
    example = Example("f", f"ab{SLOT}c{SLOT}", ("y", "x"), "de")
    found = encode(example, letters, ord(SLOT), END, {"x": 0, "y": 1})
    assert found.ids[found.begins :] == (*letters("de"), END)
    assert found.slots == (2, 4)
    assert found.rows == (1, 0)
    assert found.begins == 5
    tokens = [token for position, token in enumerate(found.ids[:5]) if position not in found.slots]
    assert tokens == letters("abc")


@pytest.mark.parametrize("prompt", [f"a{SLOT}b", f"{SLOT}{SLOT}", f"{SLOT}|\n{SLOT}{SLOT} last", "no slot at all"])
def test_training_sees_a_prompt_as_the_engine_does(prompt: str) -> None:
    slots = prompt.count(SLOT)
    trained = encode(Example("f", prompt, ("x",) * slots, "target"), letters, ord(SLOT), END, {"x": 0})
    asked = assemble(letters(prompt), ord(SLOT), np.zeros((slots, 2), np.float32), 2)
    assert trained.ids[: trained.begins] == asked.token_ids
    assert list(trained.slots) == np.flatnonzero(~asked.is_token).tolist()


def test_examples_side_by_side_are_filled_up_and_only_targets_are_learnt() -> None:
    long = Encoded(ids=(11, 0, 12, 0, 21, 22, END), slots=(1, 3), rows=(4, 2), begins=4)
    short = Encoded(ids=(0, 13, 23, END), slots=(0,), rows=(9,), begins=2)
    found = pad([long, short])
    no = IGNORED
    assert found.ids.tolist() == [[11, 0, 12, 0, 21, 22, END], [0, 13, 23, END, 0, 0, 0]]
    assert found.mask.tolist() == [[1] * 7, [1, 1, 1, 1, 0, 0, 0]]
    assert found.labels.tolist() == [[no, no, no, no, 21, 22, END], [no, no, 23, END, no, no, no]]
    assert [where.tolist() for where in found.where] == [[0, 0, 1], [1, 3, 0]]
    assert found.rows.tolist() == [4, 2, 9]


def test_each_slot_gets_its_own_entity() -> None:
    """Put as the training does it: vectors by row into positions by ``where``."""
    embeddings = torch.arange(10, dtype=torch.float32).reshape(10, 1) + 100
    found = pad([Encoded((1, 0, 2, END), (1,), (3,), 2), Encoded((0, 0, 2, END), (0, 1), (8, 5), 2)])
    embedded = found.ids.float().unsqueeze(-1).index_put(found.where, embeddings[found.rows])
    assert embedded.squeeze(-1).tolist() == [[1, 103, 2, END], [108, 105, 2, END]]


def test_an_example_alone_needs_no_filling() -> None:
    found = pad([Encoded((1, 0, 2, END), (1,), (3,), 2)])
    assert bool(found.mask.all())
    assert found.labels.tolist() == [[IGNORED, IGNORED, 2, END]]


EXAMPLES = [
    Example("interest_mining", f"a{SLOT}{SLOT}\nb", ("x", "y"), '[{"persona": "Crème brûlée"}]'),
    # Signs that end a line for some readers.
    Example("tag_prediction", f"\u2028{SLOT}\x85\x0b\r\n", ("x",), "tea\x1c\t\\n"),
    Example("tag_prediction", "", (), ""),
]


def test_kept_examples_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "alignment.jsonl"
    write(path, EXAMPLES)
    assert read(path) == EXAMPLES
    write(path, EXAMPLES[:1])
    assert read(path) == EXAMPLES[:1]
    # Nothing half written stays beside it.
    assert list(tmp_path.iterdir()) == [path]


def test_no_examples_are_kept_as_none(tmp_path: Path) -> None:
    write(tmp_path / "alignment.jsonl", [])
    assert read(tmp_path / "alignment.jsonl") == []


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "alignment.jsonl"
    write(path, EXAMPLES)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=rf"{path} holds no training examples \(.+\): remove it, they are made again"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"no json\n",
        b"\xff\xfe\n",
        b"[1, 2]\n",
        b"null\n",
        json.dumps({"family": "f", "prompt": "p", "entities": []}).encode(),
        json.dumps({"family": "f", "prompt": "p", "entities": None, "target": "t"}).encode(),
    ],
    ids=["text", "no UTF-8", "a list", "nothing", "without a target", "without entities"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "alignment.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match="holds no training examples"):
        read(path)


# --- the learning rate


def test_the_learning_rate_rises_in_a_line_and_falls_in_a_half_cosine() -> None:
    settings = AdaptorSettings(steps=100, learning_rate=0.5)
    found = [learning_rate(step, settings) for step in range(100)]
    assert found[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert found[10] == pytest.approx(0.5)
    # (1 + cos) / 2 of 60, 90 and 120 degrees.
    assert [found[40], found[55], found[70]] == pytest.approx([0.5 * 0.75, 0.5 * 0.5, 0.5 * 0.25])
    assert found[10:] == sorted(found[10:], reverse=True)
    assert max(found) == 0.5
    assert 0 < found[-1] < 0.5 * 0.001


@pytest.mark.parametrize(("steps", "warm"), [(1, 1), (2, 1), (5, 1), (14, 1), (16, 2)])
def test_few_steps_learn_too(steps: int, warm: int) -> None:
    settings = AdaptorSettings(steps=steps, learning_rate=0.5)
    found = [learning_rate(step, settings) for step in range(steps)]
    assert found[:warm] == pytest.approx([0.5 * (step + 1) / warm for step in range(warm)])
    # The first step after the warm-up has the peak as well.
    assert found[warm : warm + 1] == pytest.approx([0.5] * (steps > warm))
    assert all(0 < rate <= 0.5 for rate in found)


@pytest.mark.parametrize(
    ("text", "path", "brand"),
    [
        ("coupon for microwavable soups", "grocery > soup > microwavable soups", None),
        ("licorice, candy, grocery", "grocery > candy > rice", None),
        ("wine, nonprivate", "drinks > wine > wine", "Private"),
    ],
)
def test_a_part_of_a_word_tells_nothing(text: str, path: str, brand: str | None) -> None:
    found = attributes_of(Described("e", text, path, brand))
    assert not {"soup", "rice", "private"} & set(found.values())


def test_a_name_that_begins_with_a_digit_is_no_size() -> None:
    assert "size" not in attributes_of(Described("e", "7up soda", "drinks > 7up soda", None))
