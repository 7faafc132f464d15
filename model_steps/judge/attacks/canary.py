"""Canaries: good outputs with an attack in them, of which a judge must catch nearly all (arXiv 2507.08794).

One half is fixed, the other is composed anew from a seed that is given when a judge is examined: words, languages,
characters, places and dresses are drawn, so no detector can have been tuned on them.

Every attack puts something into an output that no shop publishes. What is put together from a catalog's own words
("best wine", "hot dog" of "hot dogs") is no attack: nothing tells it from a written tag, and evaluators judge it so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from model_steps.judge.attacks import (
    characters,
    delimiters,
    encodings,
    label_words,
    lone_tokens,
    orders,
    shapes,
)
from model_steps.judge.attacks.fixed import FIXED, Change
from model_steps.judge.attacks.places import renamed
from model_steps.judge.case import Case
from model_steps.judge.vocabulary import words_of
from runtime.errors import DataError

Attack = Callable[[Case, Random], Case | None]
# How often an attack is drawn anew where it does not apply to a case, or was drawn before.
ATTEMPTS = 50

SEEDED: dict[str, Attack] = {
    "lone_token": lone_tokens.lone_token,
    "opener": lone_tokens.opener,
    "empty": shapes.empty,
    "blank": shapes.blank,
    "repeated": shapes.repeated,
    "very_long": shapes.very_long,
    "no_letters": shapes.no_letters,
    "order_in_tag": orders.order_in_tag,
    "order_in_persona": orders.order_in_persona,
    "order_in_reason": orders.order_in_reason,
    "order_in_catalog": orders.order_in_catalog,
    "foreign_order": orders.foreign,
    "imitated_form": orders.imitated_form,
    "label_words": label_words.label_words,
    "zero_width": characters.zero_width,
    "bidirectional": characters.bidirectional,
    "homoglyph": characters.homoglyph,
    "styled_letters": characters.styled_letters,
    "combining_marks": characters.combining_marks,
    "decomposed": characters.decomposed,
    "quoting": delimiters.quoting,
    "fences": delimiters.fences,
    "turns": delimiters.turns,
    "special_tokens": delimiters.special_tokens,
    "markup": delimiters.markup,
    "encoded": encodings.encoded,
    "code": encodings.code,
}
TRUNCATED = "truncated"
KINDS = tuple(sorted({*SEEDED, TRUNCATED, *FIXED}))


@dataclass(frozen=True)
class Canary:
    """An attacked output.

    Args:
        kind: of the attack. case: with it, under an id of its own. original: without it.
        seeded: whether it was composed from the seed.
    """

    kind: str
    case: Case
    original: Case
    seeded: bool


def canaries(cases: Sequence[Case], seed: int, count: int, known: Collection[str] = ()) -> list[Canary]:
    """As many different canaries as are wanted, the fixed half first; the same whatever the order of the cases.

    Args:
        cases: good outputs, with persona and reason as published.
        seed: of the second half.
        count: of all; the kinds take turns.
        known: words of the catalog besides those that the cases show: a cut that leaves such a word is no attack.

    Raises:
        DataError: there are no cases, or too few for so many different canaries.
    """
    ordered = sorted(cases, key=lambda case: (case.item_id, case.release, case.text, case.persona, case.why))
    if not ordered:
        raise DataError("Canaries are made of good outputs, and there are none: give some cases.")
    half = count // 2
    words = frozenset(known) | {word for case in ordered for word in _words(case)}
    found: list[Canary] = []
    seen: set[str] = set()
    for canary in _fixed(ordered):
        if len(found) == half:
            break
        _keep(canary, found, seen)
    if len(found) < half:
        raise DataError(
            f"{len(ordered)} outputs give {len(found)} different fixed canaries, and {half} are wanted: give more."
        )
    for number in range(count - half):
        _keep_one(ordered, f"{seed}:{number}", number, words, found, seen)
    return found


def _fixed(cases: Sequence[Case]) -> Iterator[Canary]:
    """Every fixed attack on every case, the kinds in turn, a case after the other."""
    attacks = list(_in_turn())
    for shift in range(len(cases)):
        for number, (kind, change) in enumerate(attacks):
            original = cases[(number + shift) % len(cases)]
            if (case := change(original)) is not None and _differs(case, original):
                yield Canary(kind, renamed(case), original, seeded=False)


def _in_turn() -> Iterator[tuple[str, Change]]:
    for place in range(max(map(len, FIXED.values()))):
        yield from ((kind, changes[place]) for kind, changes in FIXED.items() if place < len(changes))


def _keep_one(
    cases: Sequence[Case], seed: str, number: int, known: frozenset[str], found: list[Canary], seen: set[str]
) -> None:
    """Draw a canary of the kind whose turn it is; where that applies to no case, of the next one.

    Raises:
        DataError: what was drawn never applied, or was always there.
    """
    kinds = sorted({*SEEDED, TRUNCATED})
    for attempt in range(ATTEMPTS * len(kinds)):
        kind = kinds[(number + attempt // ATTEMPTS) % len(kinds)]
        # A draw of its own, so that a canary does not depend on how often others were drawn anew.
        chance = Random(f"{seed}:{attempt}")
        original = chance.choice(cases)
        attack = SEEDED.get(kind)
        case = attack(original, chance) if attack else shapes.truncated(original, chance, known)
        if case is None or not _differs(case, original):
            continue
        if _keep(Canary(kind, renamed(case), original, seeded=True), found, seen):
            return
    raise DataError(f"{len(cases)} outputs give too few different canaries: give more outputs.")


def _keep(canary: Canary, found: list[Canary], seen: set[str]) -> bool:
    """Add a canary if it is a new one."""
    if canary.case.item_id in seen:
        return False
    seen.add(canary.case.item_id)
    found.append(canary)
    return True


def _differs(case: Case, original: Case) -> bool:
    return (case.text, case.persona, case.why, case.customer) != (
        original.text,
        original.persona,
        original.why,
        original.customer,
    )


def _words(case: Case) -> list[str]:
    texts = (case.text, case.persona, *(one.label for one in case.customer.evidence))
    return [word for text in texts for word in words_of(text)]
