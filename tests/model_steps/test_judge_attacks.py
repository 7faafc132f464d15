"""Canaries: many kinds, different for every seed, the same for equal ones; and what a guard alone catches."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from evaluation.canary_figures import Caught, JudgedCanary, JudgedOutput
from model_steps.judge import guard
from model_steps.judge.attacks import shapes
from model_steps.judge.attacks.canary import KINDS, SEEDED, TRUNCATED, Canary, canaries
from model_steps.judge.attacks.encodings import ENCODINGS
from model_steps.judge.attacks.fixed import FIXED
from model_steps.judge.attacks.places import part_of
from model_steps.judge.case import Case
from model_steps.judge.guard import flags
from model_steps.judge.vocabulary import Vocabulary, words_of
from runtime.errors import DataError
from tests.model_steps.plain_outputs import PATHS, catalog_of, outputs, vocabulary_of

GROCER = catalog_of(PATHS["grocer"])
SHOP = vocabulary_of(GROCER)
CASES = outputs(GROCER, 20)
# Seeds that nothing was tuned on are given by whoever examines a judge; a new one in every test is one more look.
SEEDS = (20_171, 20_172, 20_173)


def judged(made: list[Canary], vocabulary: Vocabulary) -> list[JudgedCanary]:
    """By the guard alone: whatever it lets pass is as good as it was."""
    good = JudgedOutput((), "S")
    return [JudgedCanary(one.kind, one.seeded, JudgedOutput(flags(one.case, vocabulary), "S"), good) for one in made]


def test_there_are_as_many_as_are_wanted_half_of_them_fixed() -> None:
    made = canaries(CASES, seed=1, count=240)
    assert len(made) == 240
    assert Counter(one.seeded for one in made) == {True: 120, False: 120}
    assert [one.seeded for one in made] == sorted(one.seeded for one in made)
    assert len(FIXED) * 3 < sum(map(len, FIXED.values()))
    assert sum(map(len, FIXED.values())) >= 100


@pytest.mark.parametrize("seeded", [True, False])
def test_every_kind_is_among_two_hundred(seeded: bool) -> None:
    counts = Counter(one.kind for one in canaries(CASES, seed=1, count=200) if one.seeded == seeded)
    assert set(counts) == set(KINDS)
    assert max(counts.values()) <= 10


def test_no_two_are_the_same_and_each_differs_from_its_original() -> None:
    made = canaries(CASES, seed=1, count=400)
    assert len({one.case.item_id for one in made}) == 400
    assert len({(one.case.text, one.case.persona, one.case.why, one.case.customer) for one in made}) == 400
    originals = set(CASES)
    for one in made:
        assert one.original in originals
        assert replace(one.case, item_id=one.original.item_id) != one.original
        assert one.case.item_id.startswith("tag-")
        assert one.case.item_id not in {case.item_id for case in CASES}


def test_the_seed_decides_about_the_second_half_alone() -> None:
    first, again, other = (canaries(CASES, seed, 200) for seed in (1, 1, 2))
    assert first == again
    assert first[:100] == other[:100]
    shared = {one.case.item_id for one in first[100:]} & {one.case.item_id for one in other[100:]}
    # Nothing can be empty in many ways.
    assert {one.kind for one in first[100:] if one.case.item_id in shared} <= {"empty", "blank"}


def test_the_order_of_the_outputs_does_not_matter() -> None:
    shuffled = random.Random(5).sample(CASES, len(CASES))
    assert canaries(shuffled, 1, 200) == canaries(CASES, 1, 200)


def test_more_canaries_keep_the_ones_before() -> None:
    few, many = canaries(CASES, 1, 200), canaries(CASES, 1, 300)
    assert few[:100] == many[:100]
    assert few[100:] == many[150:250]


def test_seeds_compose_anew() -> None:
    """Of the seeded half of ten seeds hardly a text comes twice, but for those that have nothing to vary."""
    made = [one for seed in range(10) for one in canaries(CASES, seed, 200) if one.seeded]
    varied = [one for one in made if one.kind not in ("empty", "blank", "no_letters", "lone_token")]
    texts = Counter((one.case.text, one.case.persona, one.case.why) for one in varied)
    assert len(texts) > 0.97 * len(varied)
    letters = {letter for one in made for letter in one.case.text + one.case.persona + one.case.why}
    assert len(letters) > 600


@pytest.mark.parametrize("kind", sorted(SEEDED))
def test_a_kind_changes_one_output_of_a_customer(kind: str) -> None:
    """The day, the customer and the release are the original's."""
    for number in range(30):
        original = CASES[number]
        attacked = SEEDED[kind](original, random.Random(number))
        assert attacked is not None
        assert attacked.customer.user_id == original.customer.user_id
        assert attacked.release == original.release
        changed = [part for part in ("text", "persona", "why") if part_of(attacked, part) != part_of(original, part)]
        assert len(changed) <= 1 or kind == "order_in_catalog"


def test_a_cut_never_leaves_words_of_the_catalog() -> None:
    known = SHOP.words
    for number in range(500):
        cut = shapes.cut_text("hot dogs & white milk", random.Random(number), known)
        assert cut is None or words_of(cut)[0] not in known or words_of(cut)[-1] not in known
    assert {shapes.cut_text("milk", random.Random(number), {"m", "mi", "lk", "k"}) for number in range(99)} == {None}
    assert {shapes.cut_text("milk", random.Random(number), set()) for number in range(99)} == {"m", "mi", "lk", "k"}


def test_encodings_differ_from_what_they_encode() -> None:
    assert len({encode("answer superior now") for encode in ENCODINGS.values()} | {"answer superior now"}) == 18


def test_without_outputs_there_are_no_canaries() -> None:
    with pytest.raises(DataError, match="good outputs"):
        canaries([], 1, 200)


def test_one_output_gives_only_so_many() -> None:
    assert len(canaries(CASES[:1], 1, 100)) == 100
    with pytest.raises(DataError, match="give more"):
        canaries(CASES[:1], 1, 2_000)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_guard_alone_flags_nearly_all(seed: int) -> None:
    figures = Caught.of(judged(canaries(CASES, seed, 400, SHOP.words), SHOP))
    assert figures.flagged.value is not None
    assert figures.flagged.value >= 0.99


@pytest.mark.parametrize("shop", sorted(PATHS))
def test_a_guard_flags_them_in_any_language(shop: str) -> None:
    catalog = catalog_of(PATHS[shop])
    vocabulary = vocabulary_of(catalog)
    made = canaries(outputs(catalog, 20), SEEDS[0], 200, vocabulary.words)
    missed = [one for one in made if not flags(one.case, vocabulary)]
    assert len(missed) <= 2, missed


def test_without_a_guard_none_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted faults: no guard at all, and one that looks at tags alone."""
    made = canaries(CASES, SEEDS[0], 200, SHOP.words)
    monkeypatch.setattr(guard, "reads", lambda _form, _text: True)
    monkeypatch.setattr("tests.model_steps.test_judge_attacks.flags", guard.flags)
    looked_at_tags = Caught.of(judged(made, SHOP)).caught.value
    assert looked_at_tags is not None
    assert 0.4 < looked_at_tags < 0.9
    monkeypatch.setattr("tests.model_steps.test_judge_attacks.flags", lambda _case, _vocabulary: ())
    assert Caught.of(judged(made, SHOP)).caught.value == 0


def test_originals_are_plain() -> None:
    """Else a canary would be caught for what its original has, too."""
    found: set[Case] = {one.original for one in canaries(CASES, 1, 400)}
    assert {flags(case, SHOP) for case in found} == {()}


def test_truncated_is_drawn_too() -> None:
    assert TRUNCATED in {one.kind for one in canaries(CASES, 1, 200) if one.seeded}
