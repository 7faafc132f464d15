"""The parts of lists' rewards: what the pure functions of ``rewards.py`` are handed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

from model_steps.training.experts.personas import PersonaExample
from model_steps.training.reinforcement import rewards
from model_steps.training.reinforcement.rewards import Bands
from model_steps.training.reinforcement.shaping import Parts, Thresholds
from representation.catalog import CategoryVectors


class Aligning(Protocol):
    """What scores the tags of a persona by a judge's reward model: ``alignment.Alignment``."""

    def scores(self, persona: PersonaExample, tags: Sequence[str]) -> list[float | None]:
        """0 to 1 a tag; None where it cannot be scored."""
        ...


class Scoring:
    """Scores lists.

    Args:
        catalog: whose vectors tags are as far apart as.
        category_of: the tag-to-category map.
        bands: of words a tag.
        aligning: none: alignment is not scored, and is no part of any list.
        judged: tags of a list whose alignment is scored, at most, for their mean to stand for that of all; none: all.
    """

    def __init__(
        self,
        catalog: CategoryVectors,
        category_of: Mapping[str, str],
        bands: Bands,
        aligning: Aligning | None,
        judged: int | None = None,
    ) -> None:
        self._catalog, self._category_of, self._bands, self._aligning = catalog, category_of, bands, aligning
        self._judged = judged
        self._row_of = {tag: catalog.row_of[category] for tag, category in category_of.items()}

    def parts(
        self, persona: PersonaExample, lists: Sequence[Sequence[str]], deciding: Thresholds | None = None
    ) -> list[Parts]:
        """The rewards of each list of a persona, by name; None where one cannot be scored, or was not asked for.

        Args:
            deciding: ask for alignment, the expensive reward, only where it decides: of lists that name something
                which came true and hold the other constraints. None: of all.
        """
        found = [self._cheap(persona, tags) for tags in lists]
        if self._aligning is None:
            return list(found)
        asked = [deciding is None or _is_open(parts, deciding) for parts in found]
        judged = [self._drawn(tags) if ask else [] for tags, ask in zip(lists, asked, strict=True)]
        # All at once: what is asked together shares its beginning.
        wanted = sorted({tag for tags in judged for tag in tags})
        score = dict(zip(wanted, self._aligning.scores(persona, wanted), strict=True))
        return [
            {**parts, "alignment": rewards.alignment([score[tag] for tag in tags]) if tags else None}
            for parts, tags in zip(found, judged, strict=True)
        ]

    def _drawn(self, tags: Sequence[str]) -> Sequence[str]:
        """The tags of a list whose alignment is scored, the same of equal lists."""
        if self._judged is None or self._judged >= len(tags):
            return tags
        return random.Random("\0".join(tags)).sample(tags, self._judged)

    def _cheap(self, persona: PersonaExample, tags: Sequence[str]) -> dict[str, float | None]:
        return {
            "accuracy": rewards.accuracy(tags, [self._category_of[tag] for tag in persona.outcomes], self._category_of),
            "diversity": rewards.diversity(self._catalog.vectors[[self._row_of[tag] for tag in tags]]),
            "length": rewards.length(tags, self._bands),
        }


def _is_open(parts: Parts, thresholds: Thresholds) -> bool:
    """Whether the constrained reward is not 0 already."""
    held = (value is None or value >= thresholds[name] for name, value in parts.items() if name in thresholds)
    return parts["accuracy"] != 0 and all(held)
