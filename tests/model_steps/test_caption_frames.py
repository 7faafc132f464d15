"""The closed form: what a caption may be, and that every frame filled with anything keeps the rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from evaluation.captions import caption_words
from model_steps.explaining import captions as captions_of_pairs
from model_steps.explaining import frames, styles
from model_steps.explaining.candidates import Candidate
from model_steps.explaining.captions import Pair, free_grammar
from model_steps.explaining.frames import declared, offered, slots
from model_steps.explaining.item import Item
from model_steps.explaining.rules import broken
from model_steps.explaining.styles import Style
from tests.model_steps.caption_shop import (
    CARDIGAN,
    CEREAL,
    ICE,
    ITEMS,
    MUFFINS,
    SETTINGS,
    SURROUNDINGS,
    YOGURT,
    customer,
    said,
)

WARM = Style("warm", "families", "question", "joy", "any time")


def all_captions(item: Item, style: Style | None, known: bool) -> list[str]:
    """Every caption that an item may get."""
    filled = slots(item, style, SURROUNDINGS)
    found = []
    for frame in offered(style, known, tuple(filled)):
        names = sorted(frame.slots)
        for values in product(*(filled[name] for name in names)):
            found.append(frame.filled(dict(zip(names, values, strict=True))))
    return found


def test_there_are_enough_frames_of_each_style() -> None:
    assert len(declared()) >= 24
    assert len({frame.text for frame in declared()}) == len(declared())
    parts = styles.declared()
    for frame in declared():
        assert frame.rhetoric in parts["rhetoric"]
        assert set(frame.tones) <= set(parts["tone"])
    for tone, rhetoric in product(parts["tone"], parts["rhetoric"]):
        style = Style(tone, "everyone", rhetoric, "ease", "any time")
        for known in (True, False):
            assert len(offered(style, known, ("what", *frames.SAID))) >= 8, (tone, rhetoric)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.category)
def test_every_caption_of_every_frame_keeps_every_rule(item: Item) -> None:
    captions = {caption for known in (True, False) for caption in all_captions(item, None, known)}
    assert len(captions) >= 40
    assert {caption: broken(said(caption, item)) for caption in captions if broken(said(caption, item))} == {}


def test_a_frame_is_offered_only_where_all_its_slots_are_filled() -> None:
    texts = {frame.text for frame in offered(None, True, tuple(slots(YOGURT, None, SURROUNDINGS)))}
    assert not [text for text in texts if "{brand}" in text or "{material}" in text or "{flavor}" in text]
    assert [text for text in texts if "{size}" in text]
    wool = " ".join(all_captions(CARDIGAN, None, True))
    assert "by Norda" in wool
    assert "in wool" in wool
    assert "in crimson" in wool
    assert "size" not in wool
    assert "a touch of vanilla" in " ".join(all_captions(ICE, None, True))


def test_a_style_chooses_frames_and_its_season_alone_is_said() -> None:
    halloween = Style("plain", "hosts", "contrast", "joy", "Halloween")
    captions = all_captions(CEREAL, halloween, True)
    assert "Kids cereal for guests and friends, in time for Halloween." in captions
    assert not [caption for caption in captions if "autumn" in caption or "Veterans" in caption]
    assert not [
        caption for caption in all_captions(CEREAL, WARM, True) if "autumn" in caption or "Halloween" in caption
    ]
    tones = {frame.text: frame for frame in declared()}
    timeless = offered(WARM, True, tuple(slots(CEREAL, WARM, SURROUNDINGS)))
    assert all("warm" in frame.tones or frame.rhetoric == "question" for frame in timeless)
    assert len(timeless) < len(tones)


def test_a_style_is_said() -> None:
    """Its audience and its feeling are in every caption that has room for them, and no other style's are."""
    parts = styles.declared()
    for part, phrases in frames.said().items():
        assert set(phrases) == set(parts[part])
        assert len(set(phrases.values())) == len(phrases)
    for audience, feeling in product(parts["audience"], parts["feeling"]):
        captions = all_captions(YOGURT, Style("warm", audience, "question", feeling, "any time"), True)
        for part, value in (("audience", audience), ("feeling", feeling)):
            others = [phrase for other, phrase in frames.said()[part].items() if other != value]
            said_own = [caption for caption in captions if frames.said()[part][value] in caption.lower()]
            assert len(said_own) >= 0.9 * len(captions), (part, value)
            assert not [c for c in captions for other in others if f" {other} " in f" {' '.join(caption_words(c))} "]


def test_a_caption_has_room_for_its_item() -> None:
    """A long name leaves the shorter frames; one that leaves none is for the rules to drop."""
    long = replace(
        MUFFINS,
        category="frozen multi grain english muffins and waffles",
        category_path="bakery > frozen multi grain english muffins and waffles",
    )
    one = customer(items=[MUFFINS])
    pair = Pair.of(one.context, Candidate(one.tags[0], long, 1.0), SETTINGS)
    short = captions_of_pairs.options(pair, WARM, SURROUNDINGS, 16)
    assert short
    assert max(len(caption_words(caption)) for caption in short) <= 16
    assert len(short) < len(captions_of_pairs.options(pair, WARM, SURROUNDINGS, 99))
    none = captions_of_pairs.options(pair, WARM, SURROUNDINGS, 6)
    assert none == captions_of_pairs.options(pair, WARM, SURROUNDINGS, 99)


def test_who_never_bought_such_a_thing_is_not_told_to_buy_it_again() -> None:
    new, known = (" ".join(all_captions(YOGURT, None, value)) for value in (False, True))
    assert "again" not in new
    assert "For a change" in new
    assert "again" in known
    assert "For a change" not in known


@pytest.mark.parametrize("item", [CARDIGAN, MUFFINS, CEREAL], ids=lambda item: item.category)
def test_a_caption_is_drawn_from_the_items_own_alone(item: Item) -> None:
    filled = slots(item, WARM, SURROUNDINGS)
    options = frames.captions(offered(WARM, False, tuple(filled)), filled)
    assert options == tuple(sorted(set(all_captions(item, WARM, False))))
    what = item.what or ""
    for caption in (
        f"{what} for loved ones",
        f"How about {what} for everyone, and joy with it?",
        f"How about {what} for loved ones, and comfort with it?",
        "How about milk for loved ones, and joy with it?",
        f"How about {what} in silk for loved ones, and joy with it?",
        f"How about {what} for loved ones, and joy with it? Call 555-0123.",
        "How about {what} for loved ones, and joy with it?",
    ):
        assert caption not in options


def test_the_free_form_is_one_sentence_of_the_settings_words(takes: Callable[[str, str], bool]) -> None:
    grammar = free_grammar(4, 6)
    for caption in ("Warm feet, all day.", "A day with wool, now!", "What about 3 well-worn socks today?"):
        assert takes(grammar, caption), caption
    for caption in (
        "Warm feet today.",
        "One two three four five six seven.",
        "Warm feet. All day.",
        "warm feet all day.",
    ):
        assert not takes(grammar, caption), caption
    assert not takes(grammar, "Warm <b>feet</b> all day.")


def test_styles_have_closed_values(takes: Callable[[str, str], bool]) -> None:
    grammar = styles.grammar(SURROUNDINGS)
    good = {
        "tone": "calm",
        "audience": "busy people",
        "rhetoric": "rhythm",
        "feeling": "care",
        "season": "Veterans Day",
    }
    assert takes(grammar, json.dumps(good))
    assert styles.parse(json.dumps(good), SURROUNDINGS) == Style(*good.values())
    bad = [
        {**good, "season": "summer"},
        {**good, "audience": "Ann Miller"},
        {part: value for part, value in good.items() if part != "tone"},
        {**good, "more": "x"},
    ]
    for style in bad:
        assert not takes(grammar, json.dumps(style)), style
        assert styles.parse(json.dumps(style), SURROUNDINGS) is None
    for text in ("", "[]", "null", '"calm"', json.dumps(good)[:-1], json.dumps({**good, "tone": ["calm"]})):
        assert styles.parse(text, SURROUNDINGS) is None


def test_no_value_is_always_named_first() -> None:
    asked = [styles.messages(f"fond of {letter}", YOGURT, SURROUNDINGS)[1] for letter in range(80)]
    for part, values in styles.values(SURROUNDINGS).items():
        firsts = {text.rpartition(f"{part}: ")[2].split(", ")[0].split(".")[0] for text in asked}
        assert firsts == set(values), part
    assert styles.messages("fond of 0", YOGURT, SURROUNDINGS)[1] == asked[0]
