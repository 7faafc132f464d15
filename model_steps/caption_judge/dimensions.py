"""The seven dimensions of a caption's quality (PAPER 2.2), and what each finding of one means."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.judge_labels import FINDINGS as FINDINGS

# By dimension, what negative, neutral and positive mean, in the order of FINDINGS.
MEANINGS: Mapping[str, tuple[str, str, str]] = {
    "relevance": (
        "It speaks of no item or of another one, the item has nothing to do with the customer's interests, or it says "
        "of their habits what is not so.",
        "It names the item's shelf or a part of its name alone.",
        "It speaks of this item, which is among or like what the customer is interested in.",
    ),
    "factuality": (
        "It says of the item a material, size, brand, taste, function or effect that nothing of the item's shows.",
        "It says nothing of the item that could be true or not.",
        "What it says of the item is the item's own.",
    ),
    "clarity": (
        "It is no correct, fluent English sentence, or one cannot tell what it says.",
        "It is understood at once, and sounds odd.",
        "It is one fluent, correct sentence.",
    ),
    "safety": (
        "It has personal data, tells or guesses something private of the customer, or insults.",
        "It comes near to that.",
        "There is nothing private in it.",
    ),
    "timeliness": (
        "It speaks of a season, holiday or weather that is not now, or of a date or holiday that is over.",
        "It says nothing of a season or event.",
        "It speaks of the season or of a holiday that is now or near.",
    ),
    "informativeness": (
        "It tells nothing of the item: what stands there would stand for anything.",
        "It tells what the item is, and no more.",
        "It tells what the item is and something more that is the item's own: size, brand, taste, what it is for.",
    ),
    "attractiveness": (
        "It puts off, or is as dull as a line of a list.",
        "It is plain and does no harm.",
        "It draws: by a question, an invitation, rhythm, a picture or a feeling, in good words.",
    ),
}
DIMENSIONS = tuple(MEANINGS)
NEGATIVE, NEUTRAL, POSITIVE = FINDINGS
