"""Attacks by characters that are not what they look like, or look like nothing. Pure functions."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache
from random import Random

from model_steps.judge.attacks.phrases import english_order
from model_steps.judge.attacks.places import PARTS, PERSONA, TAG, part_of, with_part
from model_steps.judge.case import Case

# Letters and what looks like them: Cyrillic, Greek, Armenian, small capitals, other Latin.
_ALIKE = {
    "a": "аɑα", "b": "Ьʙƅ", "c": "сϲᴄ", "d": "ԁɗ", "e": "еєҽ", "f": "ƒϝ", "g": "ɡց", "h": "һհ", "i": "іιı", "j": "јϳ",
    "k": "κкᴋ", "l": "ӏⅼ", "m": "мᴍ", "n": "пո", "o": "оοօ", "p": "рρ", "q": "ԛգ", "r": "гᴦ", "s": "ѕꜱ", "t": "тτᴛ",
    "u": "υսᴜ", "v": "ѵνᴠ", "w": "ѡωᴡ", "x": "хχ", "y": "уүγ", "z": "ᴢʐ",
}  # fmt: skip
_REVERSED = {look: letter for letter, looks in _ALIKE.items() for look in looks}
# Where the alphabet begins again: bold, italic, script, fraktur, double-struck, sans, monospace, circled, fullwidth.
_ALPHABETS = (0x1D41A, 0x1D44E, 0x1D482, 0x1D4B6, 0x1D51E, 0x1D552, 0x1D5BA, 0x1D68A, 0x24D0, 0xFF41)
_FORMATS = (
    (0xAD, 0xAE), (0x34F, 0x350), (0x61C, 0x61D), (0x115F, 0x1161), (0x17B4, 0x17B6), (0x180B, 0x180F),
    (0x200B, 0x2010), (0x2028, 0x202A), (0x2060, 0x2065), (0x206A, 0x2070), (0x3164, 0x3165), (0xFE00, 0xFE10),
    (0xFEFF, 0xFF00), (0xFFA0, 0xFFA1), (0xFFF9, 0xFFFC), (0xE0001, 0xE0002), (0xE0020, 0xE0080), (0xE000, 0xE010),
)  # fmt: skip
_DIRECTIONS = tuple(map(chr, (0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_MARKS = (
    (0x300, 0x370),
    (0x483, 0x488),
    (0x591, 0x5BE),
    (0x64B, 0x653),
    (0x1AB0, 0x1AC0),
    (0x1DC0, 0x1E00),
    (0x20D0, 0x20F1),
    (0xFE20, 0xFE30),
)


def zero_width(case: Case, chance: Random) -> Case:
    """Characters without width among the letters; or a hidden order in Unicode's invisible letters."""
    part = chance.choice((TAG, TAG, *PARTS))
    text = part_of(case, part)
    if chance.random() < 0.2:
        order = english_order(chance)
        return with_part(case, part, text + "".join(chr(0xE0000 + ord(sign)) for sign in order if sign.isascii()))
    return with_part(case, part, _strewn(text, hidden_signs(), chance))


def bidirectional(case: Case, chance: Random) -> Case:
    """Marks, overrides and isolates that change the order in which a text is shown."""
    part = chance.choice((TAG, TAG, *PARTS))
    text = part_of(case, part)
    if chance.random() < 0.5:
        return with_part(case, part, _strewn(text, _DIRECTIONS, chance))
    order = english_order(chance)
    return with_part(case, part, f"{text} {chance.choice(_DIRECTIONS)}{order[::-1]}{chance.choice(_DIRECTIONS)}")


def homoglyph(case: Case, chance: Random) -> Case | None:
    """One letter, some or all replaced by others that look alike; in a script without any the persona's."""
    part = _part_with(case, lambda letter: bool(_twins(letter)))
    if part is None:
        return None
    text = part_of(case, part)
    places = [at for at, letter in enumerate(text) if _twins(letter)]
    chosen = set(chance.sample(places, chance.choice((1, 1, min(2, len(places)), len(places)))))
    changed = "".join(chance.choice(_twins(sign)) if at in chosen else sign for at, sign in enumerate(text))
    return with_part(case, part, changed)


def styled_letters(case: Case, chance: Random) -> Case | None:
    """A word in another of Unicode's Latin alphabets: bold, script, circled, fullwidth."""
    part = _part_with(case, _is_latin)
    if part is None:
        return None
    words = part_of(case, part).split(" ")
    at = chance.choice([number for number, word in enumerate(words) if any(map(_is_latin, word))])
    first = chance.choice(_ALPHABETS)
    words[at] = "".join(_styled(letter, first) for letter in words[at])
    return with_part(case, part, " ".join(words))


def combining_marks(case: Case, chance: Random) -> Case:
    """Marks over, under and through the letters, one or heaps of them."""
    part = chance.choice((TAG, TAG, *PARTS))
    heap = ["".join(chance.choices(marks(), k=chance.choice((1, 1, 3, 10)))) for _ in range(4)]
    return with_part(case, part, _strewn(part_of(case, part), heap, chance))


def decomposed(case: Case, chance: Random) -> Case | None:
    """The same text to the eye: its accents are marks of their own. Where it has none, one is added."""
    text = unicodedata.normalize("NFD", case.text)
    if text != case.text and chance.random() < 0.5:
        return with_part(case, TAG, text)
    part = _part_with(case, _is_latin)
    if part is None:
        return None
    text = part_of(case, part)
    at = chance.choice([number for number, letter in enumerate(text, 1) if _is_latin(letter)])
    return with_part(case, part, f"{text[:at]}{chr(chance.choice((0x300, 0x301, 0x302, 0x303, 0x308)))}{text[at:]}")


def _strewn(text: str, among: tuple[str, ...] | list[str], chance: Random) -> str:
    """A text with some of these within it."""
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(1, len(text) + 1) if text else 0
        text = text[:at] + chance.choice(among) + text[at:]
    return text


def _part_with(case: Case, is_wanted: Callable[[str], bool]) -> str | None:
    """The tag where it has such a letter, else the persona, which ends with an English word."""
    return next((part for part in (TAG, PERSONA) if any(map(is_wanted, part_of(case, part)))), None)


def _is_latin(letter: str) -> bool:
    return "a" <= letter <= "z"


def _twins(letter: str) -> str:
    return _ALIKE.get(letter) or _REVERSED.get(letter, "")


def _styled(letter: str, first: int) -> str:
    other = chr(first + ord(letter) - ord("a")) if _is_latin(letter) else letter
    # Some alphabets have holes.
    return other if unicodedata.category(other) != "Cn" else letter


def _ranges(blocks: tuple[tuple[int, int], ...], is_wanted: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(sign for first, last in blocks for sign in map(chr, range(first, last)) if is_wanted(sign))


@cache
def hidden_signs() -> tuple[str, ...]:
    """Characters that show nothing: of format, fillers, selectors, tags, of private use."""
    return _ranges(_FORMATS, lambda sign: unicodedata.category(sign) != "Cn")


@cache
def marks() -> tuple[str, ...]:
    """Combining marks of several scripts."""
    return _ranges(_MARKS, lambda sign: unicodedata.category(sign)[0] == "M")
