"""What code finds of captions: each defect by its own dimension, and nothing in good ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_steps.caption_judge import grammar
from model_steps.caption_judge.by_code import BY_CODE
from model_steps.caption_judge.dimensions import DIMENSIONS, FINDINGS, NEGATIVE, NEUTRAL, POSITIVE
from model_steps.caption_judge.manner import past_holidays
from model_steps.explaining.surroundings import Surroundings
from tests.model_steps.caption_cases import READER, case, found, looked
from tests.model_steps.caption_shop import CARDIGAN, CEREAL, DAY, ICE, SIGNALS, SOCKS, SURROUNDINGS, YOGURT

GOOD = [
    ("How about plain yogurt this week?", YOGURT),
    ("Here we go: crimson cardigans for the days ahead.", CARDIGAN),
    ("Pause, breathe, smile: socks.", SOCKS),
    ("Take a moment for plain yogurt in the 32 oz size.", YOGURT),
]
# Caption, item, and the dimension that alone must find it.
BAD = [
    ("relevance", "How about socks this week?", YOGURT),
    ("relevance", "Something new this time: plain yogurt.", YOGURT),
    ("relevance", "For a change: socks.", SOCKS),
    ("factuality", "Plain yogurt with a touch of mango.", YOGURT),
    ("factuality", "Cardigans in turquoise, just like that.", CARDIGAN),
    ("factuality", "Take the 9 oz size of plain yogurt.", YOGURT),
    ("factuality", "Plain yogurt that cures a cold.", YOGURT),
    ("factuality", "Plain yogurt by Fjordson, for the days ahead.", YOGURT),
    ("clarity", "How plain yogurt about this week", YOGURT),
    ("clarity", "It are time for plain yogurt.", YOGURT),
    ("clarity", "Make room for the of plain yogurt.", YOGURT),
    ("clarity", "Plain plain yogurt for the days ahead.", YOGURT),
    ("clarity", "Plain yogurt is a idea of today.", YOGURT),
    ("clarity", "Come home to plain yogurt inPortland.", YOGURT),
    ("clarity", "Come home to plain yogurt'nteer.", YOGURT),
    ("clarity", "plain yogurt, yogurt, grocery, private, 32 oz", YOGURT),
    ("safety", "Zofia, come home to plain yogurt.", YOGURT),
    ("safety", "Plain yogurt for someone aged 45-54.", YOGURT),
    ("safety", "Ask 0043 1 5550 172 for plain yogurt.", YOGURT),
    ("safety", "Plain yogurt, for your diabetes.", YOGURT),
    ("safety", "Now that you are divorced: plain yogurt.", YOGURT),
    ("safety", "We know you had plain yogurt.", YOGURT),
    ("timeliness", "Plain yogurt for spring days.", YOGURT),
    ("timeliness", "Plain yogurt, in time for Easter.", YOGURT),
    ("timeliness", "Snow at the door and plain yogurt inside.", YOGURT),
    ("timeliness", "Plain yogurt, the hit of 1998.", YOGURT),
    ("informativeness", "Something good for every day.", YOGURT),
    ("informativeness", "All that one could wish for.", CARDIGAN),
    ("attractiveness", "This is plain yogurt.", YOGURT),
    ("attractiveness", "Take plain yogurt, if you must.", YOGURT),
    ("attractiveness", "Plain yogurt is available.", YOGURT),
]


@pytest.mark.parametrize(("caption", "item"), GOOD)
def test_good_captions_have_no_defect(caption: str, item: object) -> None:
    assert {name: found(name, caption, item) for name in DIMENSIONS if found(name, caption, item) == NEGATIVE} == {}  # type: ignore[arg-type]


@pytest.mark.parametrize(("dimension", "caption", "item"), BAD)
def test_each_defect_is_found_by_its_dimension(dimension: str, caption: str, item: object) -> None:
    assert found(dimension, caption, item) == NEGATIVE  # type: ignore[arg-type]


def test_grades_between() -> None:
    assert found("informativeness", "Come home to plain yogurt.") == NEUTRAL
    assert found("informativeness", "Come home to plain yogurt, 32 oz of it.") == POSITIVE
    assert found("timeliness", "Come home to plain yogurt.") == NEUTRAL
    assert found("timeliness", "Plain yogurt for autumn days.") == POSITIVE
    assert found("timeliness", "Get ready for Halloween with plain yogurt.") == POSITIVE
    assert found("attractiveness", "Plain yogurt for the days ahead.") == NEUTRAL
    assert found("attractiveness", "Who wants plain yogurt?") == POSITIVE
    assert found("factuality", "Everything is well.") == NEUTRAL
    assert found("relevance", "Family time.", ICE) == NEGATIVE


def test_an_item_fits_whoever_has_its_category_or_one_like_it() -> None:
    caption = "How about plain yogurt this week?"
    assert found("relevance", caption, reader=replace(READER, interests=("greek yogurt",))) == POSITIVE
    assert found("relevance", caption, reader=replace(READER, interests=("motor oil",))) == NEGATIVE
    assert found("relevance", caption, reader=replace(READER, interests=())) == NEGATIVE
    new = replace(READER, is_regular=False)
    assert found("relevance", "Back on the list: plain yogurt.", reader=new) == NEGATIVE
    assert found("relevance", "For a change: plain yogurt.", reader=new) == POSITIVE


def test_what_is_the_items_own_is_neither_private_nor_untimely() -> None:
    item = replace(CEREAL, text="diabetic summer cereal, cold cereal")
    assert found("safety", "How about diabetic cereal?", item) == POSITIVE
    assert found("timeliness", "How about summer cereal?", item) == NEUTRAL


def test_a_holiday_of_the_week_that_is_over_is_untimely() -> None:
    caption = "Get ready for Halloween with plain yogurt."
    assert found("timeliness", caption, day="2017-10-30") == POSITIVE
    assert found("timeliness", caption, day="2017-10-31") == NEGATIVE
    assert past_holidays(SURROUNDINGS, DAY) == frozenset()
    assert past_holidays(SURROUNDINGS, "2017-10-31") == {"Halloween"}
    # Of one that has two dates the later one counts.
    both = Surroundings.of([*SIGNALS, {"kind": "holiday", "text": "Veterans Day on 2017-11-11", "weight": 0.01}])
    assert past_holidays(both, "2017-11-10") == {"Halloween"}
    assert past_holidays(both, "2017-11-11") == {"Halloween", "Veterans Day"}


@pytest.mark.parametrize(
    ("caption", "fault"),
    [
        ("A of plain yogurt.", "hanging_determiner"),
        ("The your yogurt.", "two_determiners"),
        ("Yogurt with is good.", "preposition_then_verb"),
        ("Yogurt made for.", "hanging_preposition"),
        ("Yogurt and or milk.", "two_joiners"),
        ("It is are good.", "two_forms_of_be"),
        ("They was good.", "plural_with_singular"),
        ("You can to eat it.", "modal"),
        ("It wants to is here.", "to_then_verb"),
        ("A apple and milk.", "article"),
        ("An tall glass.", "article"),
        ("Bread bakedToday is here.", "joined_words"),
        ("One-two-three-four-five-six is here.", "chain"),
        ("As long as it is m", "cut_word"),
    ],
)
def test_faults_of_grammar(caption: str, fault: str) -> None:
    assert fault in grammar.faults(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "It is autumn, so here we go: plain yogurt.",
        "An hour, a use, a unit and an honest apple.",
        "Have you thought of yogurt today?",
        "What is it for, and who is it for, you ask?",
        "Don't wait, it's state-of-the-art.",
        "Time for you and I.",
    ],
)
def test_sentences_without_a_fault(caption: str) -> None:
    assert set(grammar.faults(caption)) <= {"hanging_preposition"}


def test_numbers_are_as_many_as_their_names_and_finite() -> None:
    for caption in ("", "?", "How about plain yogurt?", "A" * 300, "Zoë & co \u200b 12"):
        for name, dimension in BY_CODE.items():
            numbers = dimension.numbers(looked(caption))
            assert len(numbers) == len(dimension.names), name
            assert all(isinstance(number, float) and abs(number) < 1e6 for number in numbers)
            assert dimension.rule(looked(caption)) in FINDINGS


def test_a_case_is_kept_and_named_by_what_it_says() -> None:
    from model_steps.caption_judge.case import document, read_case

    own = case("How about plain yogurt?")
    assert read_case(document(own)) == own
    assert read_case(document(own)).case_id == own.case_id
    assert own.case_id != case("How about plain yogurt!").case_id
