"""What is looked up of a case, a dimension at a time, and the numbers that a regression is given."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.judged.regression import fit
from model_steps.agents.ranked_reasons import Reasons
from model_steps.judge.catalog_facts import CatalogFacts, singular, words_of
from model_steps.judge.features import NAMES, matrix, numbers_of
from model_steps.judge.published_reasons import Claim, claims, holds
from model_steps.judge.rules import RULES, consistency, relevance, specificity, validity
from representation.catalog import CategoryVectors
from schemas.judge_labels import DIMENSIONS, FINDINGS
from tests.model_steps.judge_shop import DAY, MILK_BUYER, case, catalog, catalog_facts, customer, evidence

FACTS = catalog_facts()
BOUGHT = "Bought before: white milk on 7 days, weekly, most recently this week."
NEED = "Likely to need dairy because white milk is bought weekly."
WITH = f"{NEED} Goes with what was bought: white milk on 7 days, weekly, most recently this week."
WRITTEN = "Needs a breakfast. Bought: white milk: 9 times, last 2017-08-22; white bread: 1 time, last 2017-08."


def test_there_is_a_rule_for_each_dimension() -> None:
    assert tuple(RULES) == DIMENSIONS["tag"]


# --- relevance


@pytest.mark.parametrize(
    ("text", "days", "found"),
    [
        ("white milk", 1, "positive"),
        ("white milk", 7, "positive"),
        ("white milk", 8, "negative"),
        ("white bread", 1, "positive"),
        ("white bread", 2, "negative"),
        ("yogurt", 1, "negative"),
        # The best category below a level.
        ("dairy", 7, "positive"),
        ("dairy", 8, "negative"),
        ("wine", 1, "negative"),
        ("breakfast", 1, "neutral"),
    ],
)
def test_what_was_bought_on_enough_days_is_relevant(text: str, days: int, found: str) -> None:
    assert relevance(case(text), FACTS, days) == found


# --- consistency


@pytest.mark.parametrize(
    ("why", "found"),
    [
        (BOUGHT, [("own", "white milk on 7 days, weekly, most recently this week")]),
        (
            WITH,
            [
                ("need", "white milk is bought weekly"),
                ("with", "white milk on 7 days, weekly, most recently this week"),
            ],
        ),
        (
            WRITTEN,
            [("times", "white milk: 9 times, last 2017-08-22"), ("times", "white bread: 1 time, last 2017-08")],
        ),
        # Cut off at its end, as a reason that is too long is.
        (WRITTEN[:-8], [("times", "white milk: 9 times, last 2017-08-22")]),
        (WITH[:-3], [("need", "white milk is bought weekly")]),
        ("Likely to need dairy.", []),
        ("You like milk, so buy some.", []),
        ("", []),
        # A name with a full stop in it.
        (
            "Likely to need dr. pepper because dr. pepper was bought last week.",
            [("need", "dr. pepper was bought last week")],
        ),
    ],
)
def test_the_facts_of_a_published_reason(why: str, found: list[tuple[str, str]]) -> None:
    assert [(claim.form, claim.text) for claim in claims(why)] == found


def test_what_the_agents_publish_is_read_and_holds() -> None:
    reasons = Reasons(catalog(), MILK_BUYER, DAY)
    for text in ("white milk", "yogurt", "white bread"):
        judged = case(text, reasons.why(NEED, text, MILK_BUYER))
        assert claims(judged.why)
        assert all(holds(claim, judged, FACTS) for claim in claims(judged.why))


@pytest.mark.parametrize(
    ("text", "why", "persona", "found"),
    [
        ("white milk", BOUGHT, "dairy expert", "positive"),
        ("white milk", BOUGHT, "dairy 2 expert", "positive"),
        ("white milk", BOUGHT, "white bread expert", "positive"),
        # The expert is of a field that the customer has nothing of; what no catalog has says nothing.
        ("white milk", BOUGHT, "wine expert", "negative"),
        ("white milk", BOUGHT, "breakfast lover", "positive"),
        # Another's number of days, interval, or week.
        ("white milk", BOUGHT.replace("7 days", "6 days"), "", "negative"),
        ("white milk", BOUGHT.replace("weekly", "monthly"), "", "negative"),
        ("white milk", BOUGHT.replace("this week", "last week"), "", "negative"),
        ("white milk", "Bought before: old socks on one day, this week.", "", "negative"),
        # True, and not of this tag.
        ("white bread", BOUGHT, "", "negative"),
        ("yogurt", WITH, "dairy expert", "positive"),
        ("yogurt", WITH.replace("is bought weekly", "is bought daily"), "dairy expert", "negative"),
        ("yogurt", WITH.replace("7 days", "8 days"), "dairy expert", "negative"),
        ("hand soap", WITH, "dairy expert", "neutral"),
        ("white milk", "Likely to need dairy.", "dairy expert", "neutral"),
        ("white milk", WRITTEN, "", "positive"),
        ("white milk", WRITTEN.replace("2017-08-22", "2017-08-21"), "", "negative"),
        ("white milk", WRITTEN.replace("white bread", "yogurt"), "", "negative"),
        # A level that own categories lie below, and one that none does.
        ("dairy", WITH, "dairy expert", "positive"),
        ("wine", WITH, "dairy expert", "neutral"),
    ],
)
def test_tag_expert_and_reason_must_be_the_customers(text: str, why: str, persona: str, found: str) -> None:
    assert consistency(case(text, why, persona), FACTS) == found


def test_a_customer_without_evidence_has_no_true_fact() -> None:
    assert consistency(case("white milk", BOUGHT, own=()), FACTS) == "negative"
    assert not holds(Claim("with", ""), case("white milk"), FACTS)


# --- specificity and validity


@pytest.mark.parametrize(
    ("text", "specific", "valid"),
    [
        ("white milk", "positive", "positive"),
        ("Yogurts", "positive", "positive"),
        ("organic white milk", "positive", "positive"),
        ("greek yogurt", "positive", "positive"),
        ("dairy", "neutral", "positive"),
        ("rolls, bread & buns", "neutral", "positive"),
        ("grocery", "negative", "positive"),
        ("milk", "neutral", "positive"),
        ("white shellfish", "neutral", "negative"),
        ("shrimp wine", "positive", "negative"),
        ("shrimp white milk", "positive", "neutral"),
        ("artisanal yogurt", "positive", "neutral"),
        ("things", "negative", "negative"),
        ("positive", "negative", "negative"),
        ("positive white milk", "positive", "negative"),
        ("<b>yogurt</b>", "positive", "negative"),
        ("yogurt:", "positive", "negative"),
        ("yog\u200burt", "negative", "negative"),
        (":", "negative", "negative"),
        ("", "negative", "negative"),
    ],
)
def test_levels_and_words_are_looked_up(text: str, specific: str, valid: str) -> None:
    assert specificity(case(text, category=None), FACTS) == specific
    assert validity(case(text, category=None), FACTS) == valid


def test_a_name_on_two_levels_counts_as_the_lower_one() -> None:
    names = ("bacon", "eggs")
    vectors = CategoryVectors(names, names, ("bacon", "meat"), np.eye(2, dtype=np.float32))
    facts = CatalogFacts.of(vectors, ["meat > bacon > bacon", "farm > meat > eggs"], [])
    assert {text: specificity(case(text, category=None, own=()), facts) for text in ("bacon", "meat", "farm")} == {
        "bacon": "positive",
        "meat": "neutral",
        "farm": "negative",
    }
    assert facts.departments == {"farm"}
    assert facts.levels == {"meat"}


def test_the_levels_of_the_shop() -> None:
    assert FACTS.departments == {"care", "grocery", "seafood"}
    assert FACTS.levels == {"bath products", "bread buns & rolls", "dairy", "frozen shellfish", "wine"}
    assert FACTS.below("grocery") == {"red wine", "white bread", "white milk", "yogurt"}
    assert FACTS.below("white milk") == frozenset()


def test_words_are_the_same_in_the_plural() -> None:
    pairs = {"berries": "berry", "peaches": "peach", "tomatoes": "tomato", "yogurts": "yogurt", "glass": "glass"}
    assert {plural: singular(plural) for plural in pairs} == pairs
    assert words_of("Men's SOCKS & the 12 packs") == ("men", "sock", "12", "pack")


# --- features


def test_the_numbers_of_a_case() -> None:
    found = numbers_of(case("white milk", BOUGHT, "dairy expert"), FACTS, {"white milk": 0.5})
    assert tuple(found) == NAMES
    expected = {
        "names_a_category": 1,
        "was_bought": 1,
        "log_days": math.log(8),
        "share_of_most_days": 1,
        "log_rank": 0,
        "log_weeks_since": 0,
        "has_usual_interval": 1,
        "log_usual_interval": math.log(8),
        "intervals_passed": 1 / 7,
        "log_popularity": math.log(0.5001),
        "largest_cosine": math.cos(math.radians(80)),
        "log_days_of_nearest": math.log(2),
        "log_weeks_since_nearest": math.log(4),
        "log_days_below_same_level": 0,
        "log_own_categories": math.log(3),
        "log_facts_stated": math.log(2),
        "share_of_facts_that_hold": 1,
        "words": 2,
        "share_of_words_known": 1,
        "relevance_rule_negative": 0,
        "relevance_rule_positive": 1,
        "consistency_rule_negative": 0,
        "consistency_rule_positive": 1,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_the_numbers_of_what_was_never_bought_or_is_no_category() -> None:
    never = numbers_of(case("yogurt"), FACTS, {})
    assert never["log_popularity"] == pytest.approx(math.log(1e-4))
    assert never["was_bought"] == 0
    assert never["log_rank"] == pytest.approx(math.log(3))
    assert never["log_days_below_same_level"] == pytest.approx(math.log(8))
    stranger = numbers_of(case("things", own=()), FACTS, {})
    assert (stranger["names_a_category"], stranger["share_of_words_known"], stranger["words"]) == (0, 0, 1)
    assert all(math.isfinite(value) for value in stranger.values())


def test_a_regression_learns_a_rule_from_the_numbers() -> None:
    texts = ["white milk", "dairy", "grocery", "yogurt", "wine", "care"] * 5
    cases = [case(text) for text in texts]
    given = matrix(cases, FACTS, {DAY: {}})
    labels = [specificity(one, FACTS) for one in cases]
    learnt = fit(given, labels, ["train"] * len(cases), NAMES, FINDINGS)
    assert learnt.labels(given) == labels
    assert matrix([], FACTS, {}).shape == (0, len(NAMES))


def test_only_the_customers_own_day_counts() -> None:
    later = customer(evidence(("white milk", 7, "2017-08-13", 7.0)))
    judged = case("white milk", BOUGHT.replace("this week", "last week"), own=later.evidence)
    assert consistency(judged, FACTS) == "negative"
    assert consistency(case("white milk", BOUGHT.replace("this week", "2 weeks ago"), own=later.evidence), FACTS) == (
        "positive"
    )
    assert np.isclose(numbers_of(judged, FACTS, {})["intervals_passed"], 10 / 7)
