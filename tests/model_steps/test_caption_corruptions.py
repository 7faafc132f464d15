"""The built captions: every corruption says what it breaks, splits share nothing, sentences are a split's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest

from model_steps.caption_judge import sentences
from model_steps.caption_judge.broken_grammar import WAYS, broken
from model_steps.caption_judge.building import ACCEPTED, BuiltCaption, build, kinds
from model_steps.caption_judge.by_code import BY_CODE
from model_steps.caption_judge.case import CaptionCase, Reader
from model_steps.caption_judge.dimensions import DIMENSIONS, FINDINGS, NEGATIVE, POSITIVE
from model_steps.caption_judge.looked import Looked
from model_steps.caption_judge.splits import SPLITS, TEST, TRAIN, refuse_shared, split_of
from model_steps.explaining import rules
from runtime.errors import DataError
from tests.model_steps.caption_cases import case
from tests.model_steps.caption_shop import CARDIGAN, CEREAL, ICE, LEXICON, MUFFINS, SETTINGS, SOCKS, YOGURT

BREAKS = {
    "wrong_attribute": "factuality",
    "invented_effect": "factuality",
    "wrong_season": "timeliness",
    "implied_season": "timeliness",
    "title_copied": "clarity",
    "personal_data": "safety",
    "private_guess": "safety",
    "grammar_broken": "clarity",
    "emptied": "informativeness",
    "other_item": "relevance",
    "other_customer": "relevance",
    "false_habit": "relevance",
    "flat": "attractiveness",
    "off_putting": "attractiveness",
    "no_sentence": "clarity",
}
ITEMS = (YOGURT, CEREAL, CARDIGAN, SOCKS, MUFFINS, ICE)


def pairs(splits: tuple[str, ...] = (TRAIN,)) -> list[tuple[CaptionCase, str]]:
    found = []
    for split in splits:
        for number, item in enumerate(ITEMS):
            of_split = replace(item, item_id=f"{split}{item.item_id}", text=f"{item.text}", category=item.category)
            reader = Reader(f"{split}-{number}", number % 2 == 0, (item.category,))
            found.append((case("", of_split, reader=reader), split))
    return found


@pytest.fixture(scope="module")
def built() -> list[BuiltCaption]:
    return build(pairs(SPLITS), len(BREAKS))


def test_all_kinds_are_built_and_each_breaks_its_dimension(built: list[BuiltCaption]) -> None:
    assert set(kinds()) == set(BREAKS)
    assert {one.kind for one in built} == {ACCEPTED, *BREAKS}
    for one in built:
        assert set(one.labels) <= set(DIMENSIONS)
        assert set(one.labels.values()) <= set(FINDINGS)
        if one.kind == ACCEPTED:
            assert NEGATIVE not in one.labels.values()
            assert set(one.labels) == set(DIMENSIONS)
        else:
            assert one.labels[BREAKS[one.kind]] == NEGATIVE, (one.kind, one.case.caption)


def test_accepted_captions_of_frames_keep_the_rules_of_captions(built: list[BuiltCaption]) -> None:
    own = {text for kind in sentences.declared()["good"].values() for text in kind}
    for one in built:
        looked = Looked(one.case, LEXICON, SETTINGS, False)
        written = {sentences.filled(text, one.case.item.what or "") for text in own}
        if one.kind == ACCEPTED and one.case.caption not in written:
            assert rules.broken(looked.said) == (), one.case.caption


# Kinds of which code must find every one; of the others it may miss some, and docs say how many.
CERTAIN = ("wrong_attribute", "wrong_season", "title_copied", "emptied", "other_item", "other_customer", "false_habit")


@pytest.mark.parametrize("kind", CERTAIN)
def test_code_finds_every_one_of_these(built: list[BuiltCaption], kind: str) -> None:
    rule = BY_CODE[BREAKS[kind]].rule
    missed = [
        one.case.caption
        for one in built
        if one.kind == kind and rule(Looked(one.case, LEXICON, SETTINGS, False)) != NEGATIVE
    ]
    assert missed == []


def test_the_same_pairs_make_the_same_captions(built: list[BuiltCaption]) -> None:
    assert build(pairs(SPLITS), len(BREAKS)) == built
    counts = Counter(one.kind for one in build(pairs(SPLITS), 3))
    assert counts.pop(ACCEPTED) == len(pairs(SPLITS))
    assert max(counts.values()) - min(counts.values()) <= 4


def test_each_split_has_sentences_of_its_own() -> None:
    lists = sentences.declared()
    by_split = [kind for kind, value in lists.items() if isinstance(value, dict) and set(value) == set(SPLITS)]
    assert len(by_split) == 7
    for kind in by_split:
        for one, other in combinations(SPLITS, 2):
            assert not set(lists[kind][one]) & set(lists[kind][other]), kind


def test_every_way_breaks_a_sentence_and_the_place_follows_from_the_key() -> None:
    caption = "It is autumn, so here we go: plain yogurt."
    words = caption.split()
    for way in WAYS:
        found = way(words, "key")
        assert found is not None
        assert found != words
    assert broken(caption, "a") == broken(caption, "a")
    assert len({broken(caption, str(number)) for number in range(40)}) > 12
    assert broken("Yogurt.", "a") != "Yogurt."


def test_a_shared_item_category_or_customer_is_refused() -> None:
    own = case("How about it?", YOGURT, reader=Reader("ann", True))
    other = case("How about it?", SOCKS, reader=Reader("ben", True))
    refuse_shared([(own, TRAIN), (other, TEST), (own, TRAIN)])
    with pytest.raises(DataError, match="The customer 'ann' is in the splits train and test"):
        refuse_shared([(own, TRAIN), (replace(other, reader=own.reader), TEST)])
    with pytest.raises(DataError, match="The item '1' is in the splits train and test"):
        refuse_shared([(own, TRAIN), (replace(other, item=YOGURT), TEST)])
    twin = replace(YOGURT, item_id="99", text="plain yogurt, 16 oz")
    with pytest.raises(DataError, match="The category 'plain yogurt' is in the splits train and test"):
        refuse_shared([(own, TRAIN), (replace(other, item=twin), TEST)])
    with pytest.raises(DataError, match="of the split 'holdout': write one of train, calibration, test"):
        refuse_shared([(own, "holdout")])


def test_a_name_is_always_of_the_same_split() -> None:
    names = [f"customer-{number}" for number in range(600)]
    counts = Counter(map(split_of, names))
    assert {name: split_of(name) for name in names} == {name: split_of(name) for name in reversed(names)}
    assert counts[TRAIN] > counts["calibration"] < counts[TEST]
    assert set(counts) == set(SPLITS)


def test_labels_that_an_edit_leaves_open_are_none(built: list[BuiltCaption]) -> None:
    guesses = [one for one in built if one.kind == "private_guess"]
    assert all("factuality" not in one.labels and one.labels["relevance"] == POSITIVE for one in guesses)
