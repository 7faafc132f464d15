"""Words in no order are no English to the language model, and what stands beside a caption moves nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from model_steps.caption_judge import broken_grammar
from model_steps.caption_judge.dimensions import NEGATIVE, POSITIVE
from model_steps.caption_judge.judging import look
from model_steps.caption_judge.likelihood import Likelihood
from model_steps.explaining import frames
from settings import CaptionJudgeSettings, Settings
from tests.model_steps.caption_cases import NO_ENGLISH, USUAL, by_code, case
from tests.model_steps.caption_shop import (
    CARDIGAN,
    CEREAL,
    ICE,
    LEXICON,
    MUFFINS,
    SETTINGS,
    SOCKS,
    SURROUNDINGS,
    YOGURT,
)

ITEMS = (YOGURT, CEREAL, CARDIGAN, SOCKS, MUFFINS, ICE)


@pytest.fixture(scope="module")
def written() -> list[tuple[str, str]]:
    """Captions of all frames, drawn at random, each with what its item is called."""
    chance = random.Random(5)
    found = []
    for item in ITEMS:
        filled = frames.slots(item, None, SURROUNDINGS)
        offered = frames.offered(None, True, tuple(filled))
        for frame in chance.sample(offered, 12):
            values = {slot: chance.choice(values) for slot, values in filled.items()}
            found.append((frame.filled(values), item.what or ""))
    return found


def test_words_in_no_order_are_told_from_sentences(settings: Settings, written: Sequence[tuple[str, str]]) -> None:
    likely, least = Likelihood(settings.engine.model), CaptionJudgeSettings().least_likelihood
    sentences = np.array(likely([caption for caption, _ in written]))
    strung = np.array(likely([broken_grammar.strung(*one, str(place)) for place, one in enumerate(written)]))
    shuffled = np.array(likely([broken_grammar.shuffled(*one, str(place)) for place, one in enumerate(written)]))
    assert (sentences < 0).all()
    assert np.mean(sentences < least) <= 0.1
    assert np.mean(strung < least) >= 0.8
    assert np.mean(shuffled < least) >= 0.5
    assert np.mean(shuffled < sentences) >= 0.95


def test_a_captions_likelihood_is_its_own(settings: Settings, written: Sequence[tuple[str, str]]) -> None:
    captions = [caption for caption, _ in written][:20]
    together = Likelihood(settings.engine.model)(captions)
    alone = [Likelihood(settings.engine.model)([caption])[0] for caption in reversed(captions)]
    assert alone == list(reversed(together))
    assert Likelihood(settings.engine.model)(["", captions[0], captions[0]]) == [0.0, together[0], together[0]]


def test_a_caption_that_is_no_english_is_not_clear() -> None:
    cases = [case("How about plain yogurt for everyone?"), case("Which here player plain yogurt another hour.")]
    means = {cases[0].caption: USUAL, cases[1].caption: NO_ENGLISH}

    def likely(captions: Sequence[str]) -> list[float]:
        return [means[caption] for caption in captions]

    def found(least: float) -> list[str]:
        own = CaptionJudgeSettings(least_likelihood=least)
        return [by_code("clarity", one) for one in look(cases, LEXICON, own, SETTINGS, likely)]

    assert found(-5.75) == [POSITIVE, NEGATIVE]
    assert found(NO_ENGLISH) == [POSITIVE, POSITIVE]
    assert found(0.0) == [NEGATIVE, NEGATIVE]
