"""The figures of ways of writing captions, with intervals over items. Pure functions.

An item is what is drawn again: its captions are compared with one another, so they are no independent ones. That a user
has captions of several items is not seen by the intervals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.captions.ways import BASE, RL, SFT, V1
from bench.captions.without_model import TEMPLATE
from bench.captions.written import Caption, Outcome
from evaluation import captions as measures
from evaluation.bootstrap import Interval, interval
from evaluation.cluster_bootstrap import Tables, by_user, intervals, share
from evaluation.metrics import Values
from evaluation.rungs import verdict
from model_steps.explaining.statistics import LEAKS

DEFINITIONS = {
    "diversity": "Of captions that keep all rules, the first of each pair's tries that does: 1 - mean ROUGE-L between "
    "those of an item, mean over items with two or more (PAPER 2.2).",
    "diversity_of_first": "The same of all first tries, whatever rules they break.",
    "items_compared": "Items with two or more captions that keep all rules.",
    "keeps_rules": "Share of pairs of a user and an item whose first caption keeps all rules that code checks.",
    "published": "Share of pairs with a caption that keeps them within all tries.",
    "leak_rate": "Share of first captions that name an attribute, a number or a name that the item has not, by the "
    "lexicon, before anything is filtered.",
    "quality": "Share of captions that keep all rules and pass all seven dimensions of the judge (PAPER 2.2).",
}


@dataclass(frozen=True)
class Claim:
    """What is looked for: that ``better`` is more diverse than ``than``, by so many percent at least."""

    better: str
    than: str
    at_least: float = 0.0


# PAPER 3.4: 0.677 against 0.631. The last two nobody claims: whether a model is needed for it at all.
PAPER = 7.3
CLAIMS = (
    Claim(BASE, V1),
    Claim(BASE, V1, PAPER),
    Claim(SFT, V1, PAPER),
    Claim(RL, V1, PAPER),
    Claim(BASE, TEMPLATE),
    Claim(RL, TEMPLATE),
)


def first(caption: Caption) -> str | None:
    return caption.first


def kept(caption: Caption) -> str | None:
    return caption.kept


def diversities(outcome: Outcome, text: Callable[[Caption], str | None]) -> Values:
    """Of each item, by name of its category, 1 - mean ROUGE-L of its captions; NaN where there are not two."""
    by_item: dict[str, list[str]] = {caption.category: [] for caption in outcome.captions}
    for caption in outcome.captions:
        if said := text(caption):
            by_item[caption.category].append(said)
    found = [measures.diversity([by_item[category]]) for category in sorted(by_item)]
    return np.array([np.nan if one is None else one for one in found], dtype=np.float64)


def share_of(captions: Sequence[Caption], counts: Callable[[Caption], bool]) -> dict[str, float | None]:
    """The share of captions of which something holds, with its interval over items."""
    if not captions:
        return Interval(None, None, None).as_dict()
    rows = np.array([[counts(caption), 1.0] for caption in captions], dtype=np.float64)
    sums = by_user(rows, [caption.category for caption in captions])
    found = intervals(sums, {"share": lambda tables: share(tables[:, 0], tables[:, 1])})["share"]
    return {"value": found.value, "low": found.low, "high": found.high}


def of_way(outcome: Outcome) -> dict[str, Any]:
    """The figures of one way in one form."""
    written = [caption for caption in outcome.captions if caption.first is not None]
    return {
        "diversity": interval(diversities(outcome, kept)).as_dict(),
        "diversity_of_first": interval(diversities(outcome, first)).as_dict(),
        "items_compared": int((~np.isnan(diversities(outcome, kept))).sum()),
        "keeps_rules": share_of(outcome.captions, lambda one: one.first is not None and not one.broken),
        "published": share_of(outcome.captions, lambda one: one.kept is not None),
        "leak_rate": share_of(written, lambda one: bool(set(one.broken) & set(LEAKS))),
    }


def side_by_side(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """``{figure: {way: ...}}`` of ways that wrote for the same users and items, and the rules that were broken."""
    figures: dict[str, Any] = {}
    for way, outcome in outcomes.items():
        for name, found in of_way(outcome).items():
            figures.setdefault(name, {})[way] = found
    return {
        **figures,
        "broken": {
            way: dict(Counter(rule for caption in outcome.captions for rule in caption.broken).most_common())
            for way, outcome in outcomes.items()
        },
        "asked_of": {way: dict(outcome.told) for way, outcome in outcomes.items()},
        "claims": held(outcomes),
    }


def gained(better: Values, than: Values) -> dict[str, float | None]:
    """By how many percent one mean is above another, over the items that have both, with its interval."""
    both = ~np.isnan(better) & ~np.isnan(than)

    def percent(tables: Tables) -> Values:
        return 100 * (share(tables[:, 0], tables[:, 1]) - 1)

    if not both.any():
        return Interval(None, None, None).as_dict()
    found = intervals(np.stack([better[both], than[both]], axis=1), {"percent": percent})["percent"]
    return {"value": found.value, "low": found.low, "high": found.high}


def held(outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """Each claim with the percent gained, of captions that keep the rules and of all first ones, and what they say:
    higher, lower or undecided, against the claim's own threshold; absent where a way is not there."""
    found = []
    for claim in CLAIMS:
        said: dict[str, Any] = {**vars(claim), "says": "absent"}
        if {claim.better, claim.than} <= outcomes.keys():
            better, than = outcomes[claim.better], outcomes[claim.than]
            percent = gained(diversities(better, kept), diversities(than, kept))
            of_first = gained(diversities(better, first), diversities(than, first))
            said |= {
                "percent": percent,
                "says": against(percent, claim.at_least),
                "percent_of_first": of_first,
                "first_says": against(of_first, claim.at_least),
            }
        found.append(said)
    return found


def against(percent: Mapping[str, float | None], at_least: float) -> str:
    """Whether an interval is above a threshold."""
    return verdict({name: None if end is None else end - at_least for name, end in percent.items()})
