"""What each dimension comes to by looking up: an exact rule a dimension, of a case and the catalog. Pure functions.

They are what a judge must beat. Where a rule says what the labels say, the dimension is computed by it and judged by
nobody (issue 15; PAPER 2.3 names the dimensions and no rule).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal

from model_steps.judge.case import Case
from model_steps.judge.catalog_facts import CatalogFacts, words_of
from model_steps.judge.published_reasons import claims, holds, names_another
from representation.evidence import CategoryEvidence

Finding = Literal["negative", "neutral", "positive"]
Rule = Callable[[Case, CatalogFacts], Finding]

# Days of buying from which on a category counts as bought again: of 1 to 8 the best on the demo log's train users.
DAYS = 2
# Cosine from which on a tag belongs to a category: as training has it (``settings.ExamplesSettings.threshold``).
NEAR = 0.5
# What a tag's text may hold beside letters and digits: labels and catalogs have no more.
_SIGNS = frozenset(" &-/.,%'’()+")
# Words of a verdict, which are no products.
_VERDICT = frozenset({"average", "bad", "negative", "neutral", "positive", "superior"})


def relevance(case: Case, facts: CatalogFacts, days: int = DAYS) -> Finding:
    """Whether the customer will buy it: positive if its category was bought on so many days, else negative.

    What was bought once is bought again less often than not, so a neutral finding there would only be a worse rule. The
    name of a level goes by the best category below it; a tag that names neither is neutral, with nothing to look up.

    Args:
        days: from which on it is positive, at least 1.
    """
    category = case.category or facts.vectors.category_of.get(case.text)
    named = facts.below(case.text) if category is None else {category}
    if not named:
        return "neutral"
    most = max((one.days for one in case.customer.evidence if one.category in named), default=0)
    return "positive" if most >= days else "negative"


def consistency(case: Case, facts: CatalogFacts) -> Finding:
    """Whether tag, expert and reason are this customer's.

    Negative where the expert is called after a field that the customer has nothing of, or a stated fact does not hold.
    Of those whose facts hold, positive where the tag's category, one near it (``NEAR``), or any below the level that it
    names was bought. All others are neutral: they state no fact, or true ones that lead to another tag.
    """
    stated = claims(case.why)
    if names_another(case, facts) or not all(holds(claim, case, facts) for claim in stated):
        return "negative"
    own = case.customer.evidence
    if not stated or not own:
        return "neutral"
    if case.category is None:
        below = facts.below(case.text)
        return "positive" if any(one.category in below for one in own) else "neutral"
    return "positive" if nearest_own(own, case.category, facts)[0] >= NEAR else "neutral"


def specificity(case: Case, facts: CatalogFacts) -> Finding:
    """Whether it is narrow enough to find products by.

    The name of a department is negative, of a level between departments and types neutral, of a type positive. Any
    other text goes by its words: positive with a type's whole name among them (modifier and core word), or two words of
    names that the catalog uses together; negative with no word of any name; else neutral.
    """
    words = frozenset(words_of(case.text))
    level = facts.level_of.get(words)
    if level is not None:
        found: Mapping[str, Finding] = {"department": "negative", "level": "neutral", "type": "positive"}
        return found[level]
    naming = words & facts.naming
    if not naming:
        return "negative"
    is_narrow = facts.has_core(words) or (len(naming) > 1 and facts.are_together(naming))
    return "positive" if is_narrow else "neutral"


def validity(case: Case, facts: CatalogFacts) -> Finding:
    """Whether such a thing exists in the catalog.

    Positive where one text of the catalog holds all of its words. Negative where it holds no word or markup, or a word
    of a verdict, where the catalog knows none of its words, and where it knows all of several words and never uses two
    of them together ("shrimp wine"). Else neutral: a word is unknown, or only some occur together.
    """
    words = frozenset(words_of(case.text))
    known = {word for word in words if word in facts.places}
    if has_markup(case.text) or not known or (words - known) & _VERDICT:
        return "negative"
    if facts.are_together(words):
        return "positive"
    if known == words and not any_together(words, facts):
        return "negative"
    return "neutral"


RULES: Mapping[str, Rule] = {
    "relevance": relevance,
    "consistency": consistency,
    "specificity": specificity,
    "validity": validity,
}


def bought_of(case: Case, category: str) -> CategoryEvidence | None:
    """What the customer did in a category, None where it was never bought."""
    return next((one for one in case.customer.evidence if one.category == category), None)


def nearest_own(own: Sequence[CategoryEvidence], category: str, facts: CatalogFacts) -> tuple[float, CategoryEvidence]:
    """Of a customer's own categories the nearest to one, with the cosine; itself where it is among them.

    Args:
        own: not empty.
    """
    vectors = facts.vectors
    alike = vectors.vectors[vectors.rows(own)] @ vectors.vectors[vectors.row_of[category]]
    best = int(alike.argmax())
    return float(alike[best]), own[best]


def has_markup(text: str) -> bool:
    """Whether a text holds signs that no name in a catalog has, invisible ones among them."""
    whole = unicodedata.normalize("NFKC", text)
    return any(sign not in _SIGNS and unicodedata.category(sign)[0] not in "LN" for sign in whole)


def any_together(words: Iterable[str], facts: CatalogFacts) -> bool:
    """Whether the catalog uses any two of some words together."""
    return any(facts.are_together(pair) for pair in combinations(sorted(words), 2))
