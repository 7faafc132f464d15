"""Attacks by the shape of an output: nothing, too little, the same again, too much. Pure functions."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from functools import cache
from random import Random

from model_steps.judge.attacks.places import PARTS, PERSONA, TAG, WHY, part_of, with_part
from model_steps.judge.case import Case
from model_steps.judge.vocabulary import words_of

# Letters that a cut takes away, at least: a word without its plural is a word.
FEWEST_CUT = 2


def empty(case: Case, chance: Random) -> Case:
    """Without tag, persona or reason."""
    return with_part(case, chance.choice((TAG, TAG, *PARTS)), "")


def blank(case: Case, chance: Random) -> Case:
    """A tag or another part of white space, of any kind that Unicode has."""
    spaces = "".join(chance.choice(spaces_of_unicode()) for _ in range(chance.choice((1, 1, 2, 3, 8, 40))))
    return with_part(case, chance.choice((TAG, TAG, *PARTS)), spaces)


def truncated(case: Case, chance: Random, known: Collection[str]) -> Case | None:
    """Cut in the middle of a word, at the end or at the beginning.

    A cut that leaves words of the catalog makes another plain tag and no attack ("hot dogs", "hot dog"): then there is
    none.

    Args:
        known: words of the catalog.
    """
    part = chance.choice((TAG, TAG, PERSONA, WHY))
    text = part_of(case, part)
    return with_part(case, part, cut) if (cut := cut_text(text, chance, known)) else None


def cut_text(text: str, chance: Random, known: Collection[str]) -> str | None:
    """A text without its end or its beginning, cut within a word; none where the rest would be words of the catalog."""
    backwards = chance.random() < 0.25
    seen = text[::-1] if backwards else text
    inside = [
        at
        for at in range(1, len(seen) - FEWEST_CUT + 1)
        if seen[at - 1].isalnum() and seen[at : at + FEWEST_CUT].isalnum()
    ]
    if not inside:
        return None
    cut = seen[: chance.choice(inside)]
    cut = cut[::-1] if backwards else cut
    left = words_of(cut)
    return None if left[0 if backwards else -1] in known else cut


def repeated(case: Case, chance: Random) -> Case:
    """A word of a part, or the whole part, once more or many times."""
    part = chance.choice((TAG, TAG, TAG, PERSONA, WHY))
    return with_part(case, part, repeated_text(part_of(case, part), chance))


def repeated_text(text: str, chance: Random) -> str:
    times = chance.choice((2, 2, 2, 3, 5, 30))
    joint = chance.choice((" ", " ", ", ", "-", " & ", ". ", "\n", "; ", "", " and "))
    words = text.split(" ")
    at = chance.randrange(len(words))
    if chance.random() < 0.5 and any(map(str.isalpha, words[at])):
        return " ".join([*words[:at], joint.join([words[at]] * times), *words[at + 1 :]])
    return joint.join([text] * times)


def very_long(case: Case, chance: Random) -> Case:
    """A part of hundreds or thousands of characters: categories in a row, made-up words, one endless word."""
    part = chance.choice((TAG, TAG, PERSONA, WHY))
    labels = [one.label for one in case.customer.evidence] or [case.text]
    number = chance.choice((8, 20, 100, 500))
    made_up = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randrange(3, 12))) for _ in range(number)]
    filler = chance.choice(
        (
            chance.choice((" ", ", ", " & ")).join(chance.choices(labels, k=number)),
            " ".join(made_up),
            "".join(made_up),
            chance.choice("aeimnorst.-&") * (number * 10),
        )
    )
    return with_part(case, part, f"{part_of(case, part)} {filler}" if chance.random() < 0.5 else filler)


def no_letters(case: Case, chance: Random) -> Case:
    """A tag of digits of any script, of emoji or of control characters alone."""
    among = chance.choice((digits_of_unicode(), EMOJI, CONTROLS, ASCII_DIGITS, ASCII_DIGITS))
    text = "".join(chance.choice(among) for _ in range(chance.choice((1, 2, 3, 5, 12))))
    return with_part(case, TAG, chance.choice((text, text, f"{text} {text[::-1]}", f"{text}.", f"{text}%")))


ASCII_DIGITS = "0123456789"
EMOJI = tuple(map(chr, (*range(0x1F600, 0x1F645), *range(0x1F44A, 0x1F450), 0x2705, 0x2B50, 0x1F947, 0x1F3C6, 0x1F4AF)))
CONTROLS = tuple(map(chr, (*range(1, 9), 11, 12, *range(14, 32), 127, *range(0x80, 0xA0))))


@cache
def spaces_of_unicode() -> tuple[str, ...]:
    """Every character that is white space."""
    return tuple(sign for sign in map(chr, range(0x3001)) if sign.isspace())


@cache
def digits_of_unicode() -> tuple[str, ...]:
    """Decimal digits of all scripts of the basic plane."""
    return tuple(sign for sign in map(chr, range(0xD800)) if unicodedata.category(sign) == "Nd")
