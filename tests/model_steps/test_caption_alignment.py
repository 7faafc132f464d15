"""R_align by the judge of captions, and who is shown what in training."""

from __future__ import annotations

from typing import Any

import pytest

from model_steps.caption_judge.combination import RULE
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.judging import CaptionFinding, CaptionJudge, CaptionVerdict
from model_steps.explaining import captions
from model_steps.explaining.candidates import Candidate
from model_steps.explaining.captions import Pair
from model_steps.explaining.rules import broken
from model_steps.training.captions.encoding import drawn_style
from model_steps.training.captions.judged import Sayable, alignment_of, alignments, nobody_answers
from model_steps.training.captions.wanted import by_category, one_each
from runtime.errors import ConfigurationError
from settings import CaptionJudgeSettings
from tests.model_steps.caption_cases import by, usual
from tests.model_steps.caption_shop import LEXICON, SETTINGS, SURROUNDINGS, YOGURT, customer, said, shop_of


def verdict(positive: int, negative: int = 0) -> CaptionVerdict:
    labels = ["positive"] * positive + ["negative"] * negative
    labels += ["neutral"] * (len(DIMENSIONS) - len(labels))
    findings = [CaptionFinding(name, label, 1.0, "rule") for name, label in zip(DIMENSIONS, labels, strict=True)]
    return CaptionVerdict("caption-1", "A", tuple(findings))


def test_alignment_is_the_share_that_is_positive_and_nothing_where_something_is_negative() -> None:
    assert alignment_of(verdict(7)) == 1.0
    assert alignment_of(verdict(4)) == pytest.approx(4 / 7)
    assert alignment_of(verdict(0)) == 0.0
    assert alignment_of(verdict(6, negative=1)) == 0.0
    assert alignment_of(verdict(7), ("banned_words",)) == 0.0


def a_pair() -> Pair:
    one = customer(items=[YOGURT], known=["plain yogurt"])
    return Pair.of(one.context, Candidate(one.tags[0], YOGURT, 1.0), SETTINGS)


def judge_by(*model: str) -> CaptionJudge:
    nobody: Any = None
    return CaptionJudge(by("model" if model else RULE, *model), LEXICON, CaptionJudgeSettings(), SETTINGS, nobody,
                        nobody_answers, usual)  # fmt: skip


def test_what_breaks_a_rule_or_is_negative_is_worth_nothing() -> None:
    pair = a_pair()
    style = drawn_style(pair, SURROUNDINGS, 0)
    texts = captions.options(pair, style, SURROUNDINGS, SETTINGS.most_words)
    bad = "A silk yogurt for the week ahead."
    assert broken(said(bad))
    said_of = Sayable(pair, style, [*texts, bad])
    found, again = alignments([said_of, said_of], shop_of(), judge_by(), SETTINGS)
    assert found == again
    assert list(found) == [*texts, bad]
    assert found[bad] == 0.0
    assert len(texts) >= 8
    good = [value for value in found.values() if value > 0]
    assert len(good) > len(texts) / 2
    assert len(set(good)) > 1, "Captions that are all worth the same teach nothing."
    assert all(0 <= value <= 1 and round(value * 7) == pytest.approx(value * 7) for value in found.values())


def test_styles_follow_from_the_pair_and_the_seed() -> None:
    pair = a_pair()
    assert drawn_style(pair, SURROUNDINGS, 3) == drawn_style(pair, SURROUNDINGS, 3)
    assert len({drawn_style(pair, SURROUNDINGS, seed) for seed in range(20)}) > 10


def test_a_judge_that_asks_the_language_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="set INTENTFLOW_CAPTION_JUDGE__RELEASE to one that judges by code"):
        nobody_answers([None] * 3)  # type: ignore[list-item]


def row(user: str, *categories: str, persona: int = 0, day: str = "2017-08-23") -> dict[str, Any]:
    evidence = [{"category": name, "label": f"{name} label"} for name in categories]
    return {"user_id": user, "day": day, "persona": persona, "names": ["dairy", "more"], "evidence": evidence}


def test_each_persona_is_shown_one_of_its_own_categories() -> None:
    rows = [row(f"u{number}", "milk", "bread", "soap") for number in range(30)] + [row("empty")]
    found = one_each(rows, 0)
    assert [one.user_id for one in found] == [f"u{number}" for number in range(30)]
    assert {one.tag.category for one in found} == {"milk", "bread", "soap"}
    assert found == one_each(rows, 0)
    assert found != one_each(rows, 1)
    first = found[0].tag
    assert (first.text, first.persona, first.rank) == (f"{first.category} label", "dairy expert", 1)


def test_validation_items_have_several_readers() -> None:
    rows = [row(f"u{number}", "milk", *(["bread"] if number < 3 else [])) for number in range(6)]
    rows += [row("u0", "milk", persona=1), row("alone", "soap")]
    found = by_category(rows, 3, 4)
    assert list(found) == ["milk", "bread"]
    assert [len(readers) for readers in found.values()] == [4, 3]
    assert all(len({one.user_id for one in readers}) == len(readers) for readers in found.values())
    assert list(by_category(rows, 1, 4)) == ["milk"]
    assert by_category(list(reversed(rows)), 3, 4).keys() == found.keys()
