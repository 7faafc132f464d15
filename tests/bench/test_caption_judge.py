"""The shipped caption judge as the benchmark of captions asks it."""

from __future__ import annotations

import logging

import pytest

from bench.captions import caption_judge
from bench.captions.judged import DIMENSIONS, Shown
from model_steps.caption_judge.dimensions import DIMENSIONS as JUDGED
from model_steps.explaining.candidates import Candidate, Tag
from model_steps.explaining.captions import Pair
from model_steps.explaining.styles import Style
from settings import Settings
from tests.model_steps.caption_shop import CARDIGAN, SETTINGS, YOGURT, context, shop_of

STYLE = Style("warm", "everyone", "statement", "comfort", "autumn")


def shown(caption: str, style: Style | None = STYLE, **known: list[str]) -> Shown:
    tag = Tag(1, YOGURT.category, YOGURT.category, "dairy expert")
    reader = context(known=known.get("known", [YOGURT.category]))
    return Shown(caption, Pair.of(reader, Candidate(tag, YOGURT, 1.0), SETTINGS), style, shop_of())


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def judge(settings: Settings) -> caption_judge.ShippedCaptionJudge:
    found = caption_judge.shipped(settings, "2017-11-01")
    assert found is not None
    return found


def failed(judge: caption_judge.ShippedCaptionJudge, one: Shown) -> set[str]:
    (said,) = judge.judge([one])
    assert tuple(said) == DIMENSIONS == JUDGED
    return {dimension for dimension, passes in said.items() if not passes}


def test_what_is_good_passes_and_what_is_wrong_fails_where_it_is_wrong(
    judge: caption_judge.ShippedCaptionJudge,
) -> None:
    assert failed(judge, shown("This autumn, breakfast begins with plain yogurt.")) == set()
    assert "timeliness" in failed(judge, shown("Meet the spring with plain yogurt."))
    assert {"factuality", "relevance"} & failed(judge, shown(f"{CARDIGAN.text.title()} for the evening."))
    assert "relevance" in failed(judge, shown("Back again: plain yogurt, as every week.", known=["socks"]))
    # A customer whose profile is told, whatever style it was written in.
    assert "safety" in failed(judge, shown("Plain yogurt for Zofia Quell from Vienna.", style=None))


def test_captions_are_judged_in_their_order(judge: caption_judge.ShippedCaptionJudge) -> None:
    good, bad = shown("This autumn, breakfast begins with plain yogurt."), shown("Meet the spring with plain yogurt.")
    together = judge.judge([bad, good, bad])
    assert together == [*judge.judge([bad]), *judge.judge([good]), *judge.judge([bad])]
    assert judge.judge([]) == []
    assert set(judge.calibrated) == set(DIMENSIONS)


def test_a_judge_without_standing_judges_nothing(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "intentflow"):
        assert caption_judge.shipped(settings, "2018-06-01") is None
    assert "No caption is judged" in caplog.text
