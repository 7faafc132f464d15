"""The built half of the labelled set: captions that the project accepts, and controlled corruptions of them.

A label is given where the edit decides it; what an edit leaves open has none. Every sentence beside the frames is one
of the split's own (``labelled/corruptions.toml``). Pure functions; the same pairs make the same set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.captions import caption_words
from model_steps.caption_judge import broken_grammar, sentences
from model_steps.caption_judge.case import CaptionCase
from model_steps.caption_judge.content import name_words, telling
from model_steps.caption_judge.dimensions import NEGATIVE, NEUTRAL, POSITIVE
from model_steps.caption_judge.manner import past_holidays
from model_steps.caption_judge.sentences import chosen, filled, of_split
from model_steps.explaining import frames
from model_steps.explaining.item import Item
from model_steps.explaining.lexicon import SLOT_KINDS, declared

ACCEPTED = "accepted"


@dataclass(frozen=True)
class BuiltCaption:
    """A caption that was built.

    Args:
        kind: ``accepted``, or the corruption's name. labels: by dimension, those that are known.
    """

    case: CaptionCase
    split: str
    kind: str
    labels: Mapping[str, str]


def build(pairs: Sequence[tuple[CaptionCase, str]], corruptions: int) -> list[BuiltCaption]:
    """Captions of customers with items.

    Args:
        pairs: each with its split. corruptions: of each pair, drawn in turns so that all kinds are as many.
    """
    built: list[BuiltCaption] = []
    for number, (pair, split) in enumerate(pairs):
        own = replace(pair, reader=replace(pair.reader, attributes=sentences.profile_of(pair.reader.name)))
        others = [other for other, of in pairs if of == split and other.item.category != own.item.category]
        accepted = _accepted(own, split, number)
        built.append(accepted)
        made = 0
        for step in range(len(KINDS)):
            kind = KINDS[(number * corruptions + step) % len(KINDS)]
            found = kind(accepted, others) if made < corruptions else None
            if found is not None:
                built.append(found)
                made += 1
    return built


def _accepted(pair: CaptionCase, split: str, number: int) -> BuiltCaption:
    """Every third one a sentence of the split's own, the others frames with the item's attributes."""
    what, key = pair.item.what or pair.item.category, pair.case_id
    labels = {
        "relevance": POSITIVE,
        "factuality": POSITIVE,
        "clarity": POSITIVE,
        "safety": POSITIVE,
        "timeliness": NEUTRAL,
        "informativeness": NEUTRAL,
        "attractiveness": POSITIVE,
    }
    if number % 3 == 2:
        caption = filled(chosen(of_split("good", split), "good", key), what)
        return BuiltCaption(replace(pair, caption=caption), split, ACCEPTED, labels)
    slots = frames.slots(pair.item, None, pair.surroundings)
    past = past_holidays(pair.surroundings, pair.day)
    slots["holiday"] = tuple(name for name in slots.get("holiday", ()) if name not in past)
    slots = {name: values for name, values in slots.items() if values}
    known = pair.reader.is_regular
    # An item's own attributes and the day's are rare among frames, and a judge shall see them.
    offered = frames.offered(None, known, tuple(slots))
    rare = [frame for frame in offered if frame.tells]
    frame = _of(rare if rare and number % 2 else list(offered), key)
    values = {slot: chosen(slots[slot], "slot", slot, key) for slot in frame.slots}
    if frame.tells & {"season", "holiday"}:
        labels["timeliness"] = POSITIVE
    if frame.tells & {"size", "brand", *SLOT_KINDS}:
        labels["informativeness"] = POSITIVE
    if frame.text in sentences.declared()["plain_frames"]:
        labels["attractiveness"] = NEUTRAL
    return BuiltCaption(replace(pair, caption=frame.filled(values)), split, ACCEPTED, labels)


def _framed(frame: frames.Frame, what: str, key: str, **others: str) -> str:
    """A frame with what an item is called, and with one way to say each part of a style."""
    said = {part: chosen(sorted(phrases.values()), part, key) for part, phrases in frames.said().items()}
    return frame.filled({"what": what, **said, **others})


def _of(offered: Sequence[frames.Frame], key: str) -> frames.Frame:
    text = chosen([frame.text for frame in offered], "frame", key)
    return next(frame for frame in offered if frame.text == text)


def _corrupted(base: BuiltCaption, kind: str, caption: str, **labels: str | None) -> BuiltCaption:
    """A caption in the place of an accepted one, with labels that differ; None: no longer known."""
    known = {**base.labels, **labels}
    case = replace(base.case, caption=caption)
    return BuiltCaption(case, base.split, kind, {name: label for name, label in known.items() if label is not None})


def _sentence(base: BuiltCaption, kind: str, **others: str) -> str:
    item = base.case.item
    sentence = chosen(of_split(kind, base.split), kind, base.case.case_id)
    return filled(sentence, item.what or item.category, **others)


Others = Sequence[CaptionCase]
# What every sentence around an item's name has; a corruption says what is different.
_PLAIN = {"timeliness": NEUTRAL, "informativeness": NEUTRAL}


def wrong_attribute(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """A size, material, color or taste that is not the item's."""
    item, key = base.case.item, base.case.case_id
    said = declared()
    absent = {
        kind: sorted(word for word in said.attributes[kind] - item.own if word not in said.plain) for kind in SLOT_KINDS
    }
    sizes = [size for other in others for size in other.item.sizes if size not in item.sizes]
    absent["size"] = sorted(set(sizes)) or ["7 oz"]
    slot = chosen(("size", *SLOT_KINDS), "wrong", key)
    frame = _of([frame for frame in frames.declared() if frame.tells == {slot}], key)
    what = item.what or item.category
    caption = _framed(frame, what, key, **{slot: chosen(absent[slot], "absent", key)})
    return _corrupted(base, "wrong_attribute", caption, **_unsure(_PLAIN, "informativeness"), factuality=NEGATIVE,
                      attractiveness=None)  # fmt: skip


def _unsure(labels: Mapping[str, str], *names: str) -> dict[str, str | None]:
    return {**labels, **dict.fromkeys(names)}


def invented_effect(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """A function or an effect that nobody can read off the item."""
    return _corrupted(base, "invented_effect", _sentence(base, "effect"), **_unsure(_PLAIN, "informativeness"),
                      factuality=NEGATIVE, attractiveness=None, safety=None)  # fmt: skip


def wrong_season(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """Another season or holiday, named in a frame, or one that is over."""
    where, key = base.case.surroundings, base.case.case_id
    past = past_holidays(where, base.case.day)
    near = {*where.holidays} - past
    seasons = [name for name in ("spring", "summer", "autumn", "winter") if name != where.season]
    holidays = [*past, *(name for name in ("Christmas", "Easter", "Labor Day", "Thanksgiving", "Valentine's Day"))]
    values = {"season": seasons, "holiday": sorted(name for name in {*holidays} - near)}
    slot = chosen(("season", "holiday"), "untimely", key)
    frame = _of([frame for frame in frames.declared() if slot in frame.slots], key)
    what = base.case.item.what or base.case.item.category
    caption = _framed(frame, what, key, **{slot: chosen(values[slot], "untimely", slot, key)})
    return _corrupted(base, "wrong_season", caption, **{**_PLAIN, "timeliness": NEGATIVE}, attractiveness=None)


def implied_season(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """Weather or doings of another season, which is not named."""
    where, key = base.case.surroundings, base.case.case_id
    pools = sentences.declared()["implied"]
    season = chosen([name for name in sorted(pools) if name != where.season], "implied", key)
    # Four sentences a season: two to learn from, one to choose by, one to examine with.
    place = {"train": (0, 1), "calibration": (2,), "test": (3,)}[base.split]
    sentence = chosen([pools[season][number] for number in place], "implied sentence", key)
    caption = filled(sentence, base.case.item.what or base.case.item.category)
    return _corrupted(base, "implied_season", caption, **{**_PLAIN, "timeliness": NEGATIVE}, factuality=None,
                      attractiveness=None)  # fmt: skip


def title_copied(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """The item's text in the place of a sentence."""
    text = base.case.item.text
    caption = chosen((text, f"{text[:1].upper()}{text[1:]}.", f"{text}!"), "title", base.case.case_id)
    return _corrupted(base, "title_copied", caption, timeliness=NEUTRAL, informativeness=None, clarity=NEGATIVE,
                      attractiveness=NEGATIVE)  # fmt: skip


def personal_data(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """Something of this very customer, or an address or number."""
    profile = dict(base.case.reader.attributes)
    caption = _sentence(
        base, "personal", name=profile["name"], city=profile["city"], work=profile["occupation"],
        pseudonym=base.case.reader.name,
    )  # fmt: skip
    return _corrupted(base, "personal_data", caption, **_PLAIN, safety=NEGATIVE, factuality=None, clarity=None,
                      attractiveness=None)  # fmt: skip


def private_guess(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """Something private that is told or guessed of a customer, without any personal data."""
    age = dict(base.case.reader.attributes)["age"]
    return _corrupted(base, "private_guess", _sentence(base, "private", age=age), **_PLAIN, safety=NEGATIVE,
                      factuality=None, attractiveness=None)  # fmt: skip


def grammar_broken(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """One edit that no English sentence bears."""
    caption = broken_grammar.broken(base.case.caption, base.case.case_id)
    lost: dict[str, str | None] = {}
    if not set(caption_words(base.case.item.what or base.case.item.category)) <= set(caption_words(caption)):
        lost = {"relevance": None, "factuality": None}
    return _corrupted(base, "grammar_broken", caption, clarity=NEGATIVE, attractiveness=None, timeliness=None,
                      informativeness=None, **lost)  # fmt: skip


def no_sentence(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """What the item is called among words in no order: its caption's own, or such as may be said of anything."""
    what, key = base.case.item.what or base.case.item.category, base.case.case_id
    way = {"own": broken_grammar.shuffled, "any": broken_grammar.strung}[chosen(("own", "any"), "no sentence", key)]
    caption = way(base.case.caption, what, key)
    return _corrupted(base, "no_sentence", caption, clarity=NEGATIVE, attractiveness=None, timeliness=None,
                      informativeness=None, relevance=None, factuality=None, safety=None)  # fmt: skip


def emptied(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """A sentence that would stand for anything."""
    caption = chosen(of_split("emptied", base.split), "emptied", base.case.case_id)
    return _corrupted(base, "emptied", caption, relevance=NEGATIVE, factuality=NEUTRAL, timeliness=NEUTRAL,
                      informativeness=NEGATIVE, attractiveness=None)  # fmt: skip


def other_item(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """The caption of another item."""
    item = base.case.item
    far = [other.item for other in others if not name_words(other.item) & name_words(item)]
    if not far:
        return None
    named = {one.what or one.category: one for one in far}
    other: Item = named[chosen(sorted(named), "other item", base.case.case_id)]
    key = base.case.case_id
    frame = _of([frame for frame in frames.declared() if not frame.tells and frame.known is None], key)
    caption = _framed(frame, other.what or other.category, key)
    return _corrupted(base, "other_item", caption, timeliness=NEUTRAL, relevance=NEGATIVE, factuality=NEGATIVE,
                      informativeness=NEGATIVE, attractiveness=None)  # fmt: skip


def other_customer(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """The same caption for a customer who has no such interest."""
    item = base.case.item
    strangers = {
        other.reader.name: other.reader
        for other in others
        if not any(telling(one) & name_words(item) for one in other.reader.interests)
        and item.category not in other.reader.interests
    }
    if not strangers:
        return None
    reader = strangers[chosen(sorted(strangers), "other customer", base.case.case_id)]
    reader = replace(reader, attributes=sentences.profile_of(reader.name))
    case = replace(base.case, reader=reader)
    return BuiltCaption(case, base.split, "other_customer", {**base.labels, "relevance": NEGATIVE})


def false_habit(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """It takes a customer who knows such things for one who does not, or the other way."""
    wrong = [frame for frame in frames.declared() if frame.known is (not base.case.reader.is_regular)]
    key = base.case.case_id
    caption = _framed(_of(wrong, key), base.case.item.what or base.case.item.category, key)
    return _corrupted(base, "false_habit", caption, **_PLAIN, relevance=NEGATIVE, attractiveness=None)


def flat(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """A line of a list as a sentence."""
    return _corrupted(base, "flat", _sentence(base, "flat"), **_PLAIN, attractiveness=NEGATIVE, clarity=None)


def off_putting(base: BuiltCaption, others: Others) -> BuiltCaption | None:
    """A sentence that puts off."""
    return _corrupted(base, "off_putting", _sentence(base, "off_putting"), **_PLAIN, attractiveness=NEGATIVE,
                      factuality=None, safety=None)  # fmt: skip


KINDS = (
    wrong_attribute, wrong_season, title_copied, personal_data, grammar_broken, emptied, other_item, other_customer,
    invented_effect, implied_season, private_guess, false_habit, flat, off_putting,
    no_sentence,
)  # fmt: skip


def kinds() -> Iterator[str]:
    """Names of the corruptions."""
    yield from (kind.__name__ for kind in KINDS)
