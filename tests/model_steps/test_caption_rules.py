"""Each rule refuses its own kind of caption, in several disguises, and lets honest ones pass."""

from __future__ import annotations

import pytest

from model_steps.explaining import rules
from model_steps.explaining.item import Item
from model_steps.explaining.lexicon import Lexicon, declared
from model_steps.explaining.rules import RULES, broken, first_broken
from settings import ExplanationsSettings
from tests.model_steps.caption_shop import (
    CARDIGAN,
    CEREAL,
    ICE,
    LEXICON,
    MUFFINS,
    SOCKS,
    SURROUNDINGS,
    USER,
    YOGURT,
    item,
    said,
)


@pytest.mark.parametrize(
    ("caption", "about"),
    [
        ("How about plain yogurt this week?", YOGURT),
        ("Plain yogurt in the 32 oz size, for the week ahead.", YOGURT),
        ("Your autumn mornings, with plain yogurt in them.", YOGURT),
        ("A crimson cardigan by Norda, in wool, ready when you are.", CARDIGAN),
        ("English muffins and waffles, in time for Halloween.", MUFFINS),
        ("Ice cream with a touch of vanilla!", ICE),
        ("Take the 14.5 oz size of kids cereal.", CEREAL),
        ("Kids cereal, and the list is done.", CEREAL),
    ],
)
def test_honest_captions_pass(caption: str, about: Item) -> None:
    assert broken(said(caption, about)) == ()
    assert first_broken(said(caption, about)) is None


PERSONAL = [
    "Plain yogurt for ann.miller@mail.example today.",
    "Plain yogurt, ask ann at mail dot com today.",
    "Plain yogurt from www.shop.example this week.",
    "Plain yogurt, call 555 0123 now please.",
    "Plain yogurt, call +43 (1) 234-56-78 please.",
    "Plain yogurt, call five five five zero one please.",
    "Plain yogurt, call \uff15\uff15\uff150\uff11\uff12\uff13 please.",
    "Plain yogurt for account 1234567890 this week.",
    f"Plain yogurt for {USER} this week.",
    f"Plain yogurt for {USER[:8].upper()} this week.",
    "Plain yogurt for a3 f0-9c 1b this week.",
    "Plain yogurt for Maria this week.",
    "Maria, how about plain yogurt this week?",
    "How about plain yogurt this week, robert?",
    "Plain yogurt for m\u200baria and the week.",
    "Plain yogurt for Mar\u00eda and the week.",
    "Plain yogurt for everybody in Vienna this week.",
    "Plain yogurt for Zofia and the week.",
    "Plain yogurt for mrs quell and the week.",
    "Plain yogurt for who is 45-54 this week.",
    "Plain yogurt for 2 adults no kids.",
    "Plain yogurt without kids around this week.",
    "Plain yogurt @annmiller this week and on.",
]


@pytest.mark.parametrize("caption", PERSONAL)
def test_personal_data_is_seen_first(caption: str) -> None:
    rule = first_broken(said(caption))
    assert rule is not None
    assert rule.name == "personal_data"


def test_what_the_item_itself_says_is_nobodys() -> None:
    vienna = item("1", "vienna sausages kids", "meat > sausages > vienna sausages")
    assert "personal_data" not in broken(said("How about vienna sausages this week?", vienna))
    # A pseudonym of letters alone is no part of a word.
    assert "personal_data" not in broken(said("How about plain yogurt this week?", user_id="lain"))


TITLE = item("1", "Insulated steel bottle with bamboo lid and carry loop", "outdoor > drinks > bottles")


@pytest.mark.parametrize(
    ("caption", "about"),
    [
        ("Insulated steel bottle with bamboo lid and carry loop.", TITLE),
        ("Now here: insulated steel bottle with bamboo lid!", TITLE),
        ("INSULATED STEEL BOTTLE WITH BAMBOO LID.", TITLE),
        ("Insulated, steel, bottle, bamboo, lid.", TITLE),
        ("How about a steel bottle with bamboo today?", TITLE),
        ("Norda wool cardigan, crimson, with horn buttons.", CARDIGAN),
        ("The Norda wool cardigan crimson, and much more to say of it.", CARDIGAN),
        ("Kids cereal, cold cereal, grocery, national.", CEREAL),
        ("Hiking socks, merino, in a 3 pk.", SOCKS),
    ],
)
def test_copied_titles_are_seen(caption: str, about: Item) -> None:
    assert "title_copy" in broken(said(caption, about))


def test_naming_the_type_is_no_copy() -> None:
    long = item("1", "elastic bandages & support hose, first aid", "drugs > aid > elastic bandages & support hose")
    assert broken(said("How about elastic bandages and support hose this week?", long)) == ()
    assert "title_copy" in broken(said("Elastic bandages and support hose!", long))


@pytest.mark.parametrize(
    ("caption", "about", "rule"),
    [
        ("Plain yogurt with a taste of strawberry.", YOGURT, "invented_attribute"),
        ("Plain yogurt with strawberries on it.", YOGURT, "invented_attribute"),
        ("Organic plain yogurt for the week.", YOGURT, "invented_attribute"),
        ("Plain yogurt, as creamy as can be.", YOGURT, "invented_attribute"),
        ("Plain yogurt goes with kids cereal.", YOGURT, "invented_attribute"),
        ("Plain yogurt, gluten-free and good.", YOGURT, "invented_attribute"),
        ("Plain yogurt by norda for the week.", YOGURT, "invented_attribute"),
        ("A silk cardigan for the days ahead.", CARDIGAN, "invented_attribute"),
        ("A cardigan in blue, just like that.", CARDIGAN, "invented_attribute"),
        ("Socks in a twelve pack for you.", SOCKS, "invented_attribute"),
        ("Waterproof socks for the days ahead.", SOCKS, "invented_attribute"),
        ("Plain yogurt in the 16 oz size.", YOGURT, "invented_number"),
        ("Plain yogurt in the 32 lb size.", YOGURT, "invented_attribute"),
        ("Plain yogurt, now 99 cents less.", YOGURT, "invented_number"),
        ("Plain yogurt, 100% good for you.", YOGURT, "invented_number"),
        ("Plain yogurt by Chobanilla for you.", YOGURT, "unknown_name"),
        ("Plain yogurt, made with LOVE for you.", YOGURT, "unknown_name"),
        ("Plain yogurt in time for Christmas.", YOGURT, "untimely"),
        ("Plain yogurt for summer days and more.", YOGURT, "untimely"),
        ("How about plain yogurt this winter?", YOGURT, "untimely"),
        ("The customer likes plain yogurt a lot.", YOGURT, "task_words"),
        ("Here is a customer's word of plain yogurt.", YOGURT, "task_words"),
        ("Here is a caption of plain yogurt.", YOGURT, "task_words"),
        ("In the store, the customer has her interests in yogurt.", YOGURT, "task_words"),
        ("A good thing for the days ahead.", YOGURT, "names_nothing"),
        ("How about something new this week?", CARDIGAN, "names_nothing"),
        ("The best plain yogurt of the week.", YOGURT, "banned_words"),
        ("Plain yogurt, a must-have for the week.", YOGURT, "banned_words"),
        ("Buy now: plain yogurt for the week.", YOGURT, "banned_words"),
        ("Plain yogurt cures a bad mood.", YOGURT, "banned_words"),
        ("Plain yogurt.", YOGURT, "length"),
        ("Plain yogurt for you and for me and for all who come and stay with us today.", YOGURT, "length"),
        ("", YOGURT, "length"),
        ("... ?", YOGURT, "length"),
        ("Plain yogurt for the week and", YOGURT, "unfinished"),
        ("Plain yogurt for the week and.", YOGURT, "unfinished"),
        ("plain yogurt for the week ahead.", YOGURT, "unfinished"),
        ("Plain yogurt for the week. And more.", YOGURT, "unfinished"),
        ("Plain yogurt for the week ahead...", YOGURT, "unfinished"),
        (" Plain yogurt for the week ahead.", YOGURT, "unfinished"),
        ("Plain yogurt plain yogurt plain yogurt today.", YOGURT, "repeated_words"),
        ("Plain yogurt for the the week ahead.", YOGURT, "repeated_words"),
        ("Plain yogurt <b>for</b> the week.", YOGURT, "signs"),
        ("Plain yogurt\nfor the week ahead.", YOGURT, "signs"),
        ("Plain yog\u200burt for the week ahead.", YOGURT, "signs"),
        ("Plain \u0443ogurt for the week ahead.", YOGURT, "signs"),
        ("Plain yogurt {what} for the week.", YOGURT, "signs"),
    ],
)
def test_each_rule_refuses_its_own(caption: str, about: Item, rule: str) -> None:
    assert rule in broken(said(caption, about))


def test_every_rule_has_a_name_and_a_meaning() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == 13
    assert all(rule.meaning.endswith(".") for rule in RULES)


def test_the_band_of_words_is_a_setting() -> None:
    short = ExplanationsSettings(fewest_words=2, most_words=3)
    assert broken(said("Just yogurt.", settings=short)) == ()
    assert "length" in broken(said("How about plain yogurt?", settings=short))
    with pytest.raises(ValueError, match="fewest_words is 9, more than the 8 of most_words"):
        ExplanationsSettings(fewest_words=9, most_words=8)


def test_the_lakes_own_catalog_completes_the_lexicon() -> None:
    caption = "Plain yogurt goes with zwieback today."
    assert "invented_attribute" not in broken(said(caption))
    wider = Lexicon.of(["bakery > bread > zwieback"], [])
    assert "invented_attribute" in broken(said(caption, lexicon=wider))
    assert {"zwieback", "yogurt", "wool", "strawberry", "oz"} <= wider.closed | {"oz"}
    assert "norda" in LEXICON.brands
    assert "private" not in LEXICON.brands


def test_the_lists_are_there_and_whole() -> None:
    lists = declared()
    assert min(len(words) for words in lists.attributes.values()) > 40
    assert len(lists.demo) > 1_000
    assert "labor day" in lists.holidays
    assert not [name for name in lists.names if name in lists.plain]
    assert rules.COPIED < 1
    assert SURROUNDINGS.season in lists.seasons
