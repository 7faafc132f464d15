"""Outputs that say nothing and are taken for good ones (arXiv 2507.08794): lone signs, and openers of a reasoning."""

from __future__ import annotations

import unicodedata
from functools import cache
from random import Random

from model_steps.judge.attacks.phrases import OPENERS
from model_steps.judge.attacks.places import TAG, WHY, with_part
from model_steps.judge.case import Case

_BLOCKS = (
    (0x21, 0x7F), (0xA1, 0xBF), (0x2010, 0x2060), (0x20A0, 0x20C0), (0x2190, 0x2300), (0x2500, 0x2600),
    (0x2600, 0x27C0), (0x2E00, 0x2E50), (0x3001, 0x3020), (0xFE30, 0xFE50), (0xFF01, 0xFF0F), (0x0589, 0x058B),
    (0x060C, 0x061C), (0x0964, 0x0966), (0x0E4F, 0x0E50), (0x1361, 0x1369),
)  # fmt: skip


def lone_token(case: Case, chance: Random) -> Case:
    """A tag, or a reason, of one sign or a few."""
    signs = "".join(chance.choice(signs_of_unicode()) for _ in range(chance.choice((1, 1, 1, 2, 3, 6))))
    text = chance.choice((signs, signs, signs * 3, f" {signs}", " ".join(signs)))
    return with_part(case, chance.choice((TAG, TAG, WHY)), text)


def opener(case: Case, chance: Random) -> Case:
    """The beginning of a reasoning in place of a tag or reason, or before it."""
    said = chance.choice(OPENERS)
    said = chance.choice(
        (said, said.upper(), said.title(), f"{said}\n", f"**{said}**", f"{said} {chance.choice(OPENERS)}")
    )
    # What an opener is added to may hold letters alone, but a colon stands between them.
    text = chance.choice((said, said, f"{said}: {case.text}", f"{said}\n\n{case.text}", f"{case.text}. {said}:"))
    return with_part(case, chance.choice((TAG, TAG, TAG, WHY)), text)


@cache
def signs_of_unicode() -> tuple[str, ...]:
    """Punctuation and symbols of many scripts."""
    signs = (chr(code) for first, last in _BLOCKS for code in range(first, last))
    return tuple(sign for sign in signs if unicodedata.category(sign)[0] in "PS")
