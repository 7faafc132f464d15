"""Captions that need no model: written frames drawn at random, and words drawn at random. Pure functions.

``template`` is the strongest simple rival of the closed form: the same frames, each as likely as the others.
``random_words`` is no rival but a control: whoever wants diversity alone can have it so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from model_steps.explaining import frames
from model_steps.explaining.captions import Pair
from model_steps.explaining.lexicon import declared
from model_steps.explaining.surroundings import Surroundings
from runtime.fingerprint import digest
from settings import ExplanationsSettings

TEMPLATE, RANDOM_WORDS = "template", "random_words"
Draws = Callable[[Pair, Surroundings, ExplanationsSettings, random.Random], str]


def template(pair: Pair, surroundings: Surroundings, _: ExplanationsSettings, chance: random.Random) -> str:
    """One of the frames that V1's prompt is offered, each slot filled with one of its values."""
    filled = frames.slots(pair.candidate.item, None, surroundings)
    frame = chance.choice(frames.offered(None, pair.known, tuple(filled)))
    return frame.filled({slot: chance.choice(values) for slot, values in filled.items()})


def random_words(pair: Pair, _: Surroundings, settings: ExplanationsSettings, chance: random.Random) -> str:
    """What the item is called among words that may be said of anything."""
    what = pair.candidate.item.what or ""
    most = max(settings.fewest_words, settings.most_words - len(what.split()))
    number = chance.randint(settings.fewest_words, most)
    words = chance.sample(sorted(word for word in declared().plain if word.isalpha() and len(word) > 1), number)
    place = chance.randrange(1, len(words))
    return f"{' '.join([words[0].capitalize(), *words[1:place], what, *words[place:]])}."


WAYS: Mapping[str, Draws] = {TEMPLATE: template, RANDOM_WORDS: random_words}


def drawing(way: str, pair: Pair, surroundings: Surroundings, settings: ExplanationsSettings) -> Callable[[int], str]:
    """Draws for a pair: the same try gives the same caption."""
    item, user = pair.candidate.item.item_id, pair.context.user_id

    def draw(attempt: int) -> str:
        return WAYS[way](pair, surroundings, settings, random.Random(digest([way, item, user, attempt])))

    return draw
