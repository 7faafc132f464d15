"""The parts of lists' rewards: what the pure functions of ``rewards.py`` are handed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from model_steps.training.experts.personas import PersonaExample
from model_steps.training.reinforcement import rewards
from model_steps.training.reinforcement.rewards import Bands
from model_steps.training.reinforcement.shaping import Parts
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
    """

    def __init__(
        self, catalog: CategoryVectors, category_of: Mapping[str, str], bands: Bands, aligning: Aligning | None
    ) -> None:
        self._catalog, self._category_of, self._bands, self._aligning = catalog, category_of, bands, aligning
        self._row_of = {tag: catalog.row_of[category] for tag, category in category_of.items()}

    def parts(self, persona: PersonaExample, lists: Sequence[Sequence[str]]) -> list[Parts]:
        """The rewards of each list of a persona, by name; None where one cannot be scored."""
        if self._aligning is not None:
            # All at once: what is asked together shares its beginning.
            self._aligning.scores(persona, sorted({tag for tags in lists for tag in tags}))
        return [self._of_list(persona, tags) for tags in lists]

    def _of_list(self, persona: PersonaExample, tags: Sequence[str]) -> Parts:
        found: dict[str, float | None] = {
            "accuracy": rewards.accuracy(tags, [self._category_of[tag] for tag in persona.outcomes], self._category_of),
            "diversity": rewards.diversity(self._catalog.vectors[[self._row_of[tag] for tag in tags]]),
            "length": rewards.length(tags, self._bands),
        }
        if self._aligning is not None:
            found["alignment"] = rewards.alignment(self._aligning.scores(persona, tags))
        return found
