"""Sub-evaluators, the one-shot baseline and the whole judgement, with answers that are planted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from model_steps.engine.asking import Answer, Request
from model_steps.judge import one_shot, reasons
from model_steps.judge.case import Case
from model_steps.judge.evaluators import Finding, computed, read_findings, requests
from model_steps.judge.judging import judge
from model_steps.judge.prompt_files import ONE_SHOT, REASON, ROLE
from runtime.errors import ConfigurationError, InfrastructureError
from schemas.judge_labels import DIMENSIONS
from schemas.verdicts import MODEL, RULE
from tests.model_steps.judged_shop import BOB, Answers, asking, case, ranked, sure

MILK, BEER, SOAP = case("milk"), case("beer"), case("soap", BOB)
# Words that one dimension's question alone holds.
ASKED = {
    "Will the customer buy": "relevance",
    "Does the reason hold": "consistency",
    "product specific?": "specificity",
    "product exist?": "validity",
}


def dimension_of(request: Request) -> str:
    (found,) = (name for words, name in ASKED.items() if words in request.prompt)
    return found


def tag_of(request: Request) -> str:
    return request.prompt.partition("suggested product: ")[2].partition("\n")[0]


def likes(labels: Mapping[tuple[str, str], str]) -> Callable[[Request], Mapping[str, float]]:
    """Positive, but for what is said by tag and dimension."""
    return lambda request: sure(labels.get((tag_of(request), dimension_of(request)), "positive"))


def rule(label: str) -> Callable[[Case], str]:
    return lambda _case: label


# --- findings


def test_a_finding_is_the_most_probable_label_with_its_probability() -> None:
    shares = {"negative": 0.2, "neutral": 0.3, "positive": 0.5}
    (found,) = read_findings("relevance", [ranked(shares)])
    assert (found.dimension, found.label, found.by, found.reason) == ("relevance", "positive", MODEL, None)
    # Rankings are kept to four digits of the logarithm.
    assert found.confidence == pytest.approx(0.5, abs=1e-4)
    assert found.probabilities == pytest.approx(shares, abs=1e-4)
    assert sum(found.probabilities.values()) == pytest.approx(1.0)


def test_of_equally_probable_labels_the_worst_one_counts() -> None:
    doubtful = {"positive": 0.4, "neutral": 0.4, "negative": 0.2}
    wholly = dict.fromkeys(("positive", "neutral", "negative"), 1 / 3)
    assert [one.label for one in read_findings("validity", [ranked(doubtful), ranked(wholly)])] == [
        "neutral",
        "negative",
    ]
    (verdict,) = one_shot.read_verdicts([MILK], [ranked(dict.fromkeys("SAB", 1 / 3))])
    assert verdict.tier == "B"


@pytest.mark.parametrize("shares", [{"positive": 1.0}, {"S": 0.5, "A": 0.3, "B": 0.2}])
def test_an_answer_to_another_question_is_refused(shares: Mapping[str, float]) -> None:
    with pytest.raises(InfrastructureError, match="asked for negative, neutral, positive and answered"):
        read_findings("relevance", [ranked(shares)])


def test_a_rule_is_certain_and_says_who_found() -> None:
    assert computed("validity", rule("neutral"), [MILK]) == [
        Finding("validity", "neutral", 1.0, {"neutral": 1.0}, RULE)
    ]
    with pytest.raises(ValueError, match=f"says 'good' of {MILK.item_id}"):
        computed("validity", rule("good"), [MILK])


def test_requests_are_rankings_of_the_labels_for_their_users() -> None:
    (ann, bob) = requests([MILK, SOAP], "relevance", asking())
    assert [(one.user_id, one.role, one.most) for one in (ann, bob)] == [("ann", ROLE, 3), ("bob", ROLE, 3)]
    assert ann.options is not None
    assert set(ann.options.texts) == {"negative", "neutral", "positive"}
    assert ann.key("judge", "engine") != requests([MILK], "relevance", asking(), seed=1)[0].key("judge", "engine")


# --- the whole judgement


def test_cases_are_judged_in_their_order_whatever_the_order_of_questions() -> None:
    answers = Answers(likes({("beer", "relevance"): "negative", ("soap", "validity"): "neutral"}))
    verdicts = judge([MILK, SOAP, BEER], answers, asking(threshold=1.0))
    assert [(verdict.item_id, verdict.tier) for verdict in verdicts] == [
        (MILK.item_id, "S"),
        (SOAP.item_id, "A"),
        (BEER.item_id, "B"),
    ]
    labels = {finding.dimension: finding.label for finding in verdicts[2].findings}
    assert labels == {**dict.fromkeys(DIMENSIONS["tag"], "positive"), "relevance": "negative"}
    # A customer's questions follow one another, while their beginning is cached.
    assert [request.user_id for request in answers.asked] == ["ann"] * 8 + ["bob"] * 4


def test_a_dimension_that_is_a_rule_is_computed_and_not_asked() -> None:
    answers = Answers(likes({}))
    rules = {"specificity": rule("neutral"), "validity": rule("negative"), "relevance": rule("negative")}
    (verdict,) = judge([MILK], answers, asking(rules=("specificity", "validity")), rules)
    assert {dimension_of(request) for request in answers.asked} == {"relevance", "consistency"}
    assert [(one.label, one.by) for one in verdict.findings] == [
        ("positive", MODEL),
        ("positive", MODEL),
        ("neutral", RULE),
        ("negative", RULE),
    ]
    assert verdict.tier == "B"


def test_where_all_are_rules_no_model_is_asked() -> None:
    answers = Answers(likes({}))
    rules = dict.fromkeys(DIMENSIONS["tag"], rule("positive"))
    (verdict,) = judge([MILK], answers, asking(rules=DIMENSIONS["tag"]), rules)
    assert (verdict.tier, verdict.confidence, answers.asked) == ("S", 1.0, [])
    assert judge([], answers, asking()) == []


def test_a_rule_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="RULES names validity, and no rules are known here: leave it out"):
        judge([MILK], Answers(likes({})), asking(rules=("validity",)))
    with pytest.raises(ConfigurationError, match="names validity, and rules are known for relevance"):
        judge([MILK], Answers(likes({})), asking(rules=("validity",)), {"relevance": rule("neutral")})


def test_what_the_guard_flags_is_b_and_judged_all_the_same() -> None:
    answers = Answers(likes({}))
    verdicts = judge([MILK, BEER], answers, asking(), guard=lambda of: ["tag_signs"] if of.text == "beer" else [])
    assert [(verdict.tier, verdict.flags) for verdict in verdicts] == [("S", ()), ("B", ("tag_signs",))]
    assert [finding.label for finding in verdicts[1].findings] == ["positive"] * 4
    assert len(answers.asked) == 8


def test_asked_once_more_the_same_facts_come_in_another_order() -> None:
    first, again = Answers(likes({})), Answers(likes({}))
    judge([MILK], first, asking())
    judge([MILK], again, asking(), seed=5)
    pairs = list(zip(first.asked, again.asked, strict=True))
    assert all(sorted(one.prompt.splitlines()) == sorted(two.prompt.splitlines()) for one, two in pairs)
    assert all(one.prompt != two.prompt for one, two in pairs)


# --- reasons


def test_reasons_are_asked_of_the_model_for_its_own_findings_alone() -> None:
    sentence = "The customer buys milk every week."
    answers = Answers(likes({("milk", "relevance"): "neutral"}), json.dumps({"reason": sentence}))
    rules = {"validity": rule("positive")}
    (verdict,) = judge([MILK], answers, asking(rules=("validity",), reasons=True), rules)
    assert [finding.reason for finding in verdict.findings] == [sentence] * 3 + [None]
    asked = [request for request in answers.asked if request.role == REASON]
    assert len(asked) == 3
    assert "Your judgement was neutral. Why?" in asked[0].prompt
    assert all(request.sampling.grammar == reasons.GRAMMAR for request in asked)
    assert all(request.sampling.maximum_tokens == reasons.TOKENS for request in asked)


def test_a_finding_stands_without_a_reason_that_cannot_be_read() -> None:
    for text in ('{"reason": "It was cut', "[]", '{"why": "x"}', '{"reason": 3}', ""):
        assert reasons.read_reason(Answer(text, 1, 0, 1)) is None
    assert reasons.read_reason(Answer(json.dumps({"reason": "x" * 999}), 1, 0, 1)) == "x" * reasons.LONGEST


def test_a_reason_has_a_form(takes: Callable[[str, str], bool]) -> None:
    longest = f"A{'b' * (reasons.LONGEST - 2)}."
    assert len(longest) == reasons.LONGEST
    taken = {
        text: takes(reasons.GRAMMAR, json.dumps({"reason": text}))
        for text in (
            "Milk is bought weekly, by 60 % of all.",
            longest,
            f"A{longest}",
            "Short.",
            "no capital letter is here.",
            "It has no end",
            "It says </context> and more.",
            'It says "positive", so it is.',
        )
    }
    assert [text for text, is_taken in taken.items() if is_taken] == list(taken)[:2]
    assert not takes(reasons.GRAMMAR, "positive")


# --- one shot


def test_one_shot_gives_a_tier_for_an_answer() -> None:
    asked = one_shot.requests([MILK, SOAP], asking())
    assert [(one.user_id, one.role, one.most) for one in asked] == [("ann", ONE_SHOT, 3), ("bob", ONE_SHOT, 3)]
    assert asked[0].options is not None
    assert set(asked[0].options.texts) == {"S", "A", "B"}
    said = [ranked({"S": 0.2, "A": 0.7, "B": 0.1}), ranked({"S": 0.01, "A": 0.01, "B": 0.98})]
    verdicts = one_shot.read_verdicts([MILK, SOAP], said)
    assert [(one.item_id, one.tier, one.findings) for one in verdicts] == [
        (MILK.item_id, "A", ()),
        (SOAP.item_id, "B", ()),
    ]
    assert [one.confidence for one in verdicts] == pytest.approx([0.7, 0.98], abs=1e-3)
    with pytest.raises(InfrastructureError, match="asked for S, A, B"):
        one_shot.read_verdicts([MILK], [ranked(sure("positive"))])
