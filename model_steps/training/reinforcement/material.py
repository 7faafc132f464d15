"""What reinforcement learns of and is validated by, read from a lake, and the reward model that scores alignment."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.leaks import refuse_known
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.embedding.embedder import Embedder
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.customers import read_catalog_facts
from model_steps.training.experts.material import Material
from model_steps.training.reinforcement.alignment import Alignment, read_customers
from model_steps.training.reinforcement.completions import Completions
from model_steps.training.reinforcement.personas import Personas
from model_steps.training.reinforcement.rewards import BANDS
from model_steps.training.reinforcement.scoring import Aligning, Scoring
from model_steps.training.reinforcement.validation import Validation
from model_steps.training.reward import stored
from model_steps.training.reward.stored import StoredReward
from runtime import processor
from settings import Settings

log = logging.getLogger("intentflow")


@dataclass(frozen=True)
class ReinforcementMaterial:
    """The personas of some training days, and what scores lists.

    Args:
        material: as SFT reads it. facts: of the catalog.
    """

    material: Material
    facts: CatalogFacts
    settings: Settings

    @classmethod
    def read(cls, lake: Lake, rule: SplitRule, days: Sequence[str], settings: Settings) -> ReinforcementMaterial:
        """Read examples of days; without any those of the newest that the split allows.

        Raises:
            As ``experts.material.Material.read``. SourceMissing: a category has no vector.
        """
        chosen = settings.reinforcement
        experts = settings.experts.model_copy(
            update={name: getattr(chosen, name) for name in ("days", "validation_users", "calibration_users", "seed")}
        )
        material = Material.read(lake, rule, days, settings.model_copy(update={"experts": experts}))
        return cls(material, read_catalog_facts(lake, Embedder(settings.embedder.model).name), settings)

    def personas(self) -> Personas:
        """Those of train users of whom anything came true."""
        return Personas(self.material.learnt, self.material.encoded, self.settings.reinforcement.seed)

    def scoring(self, aligning: Aligning | None) -> Scoring:
        """What scores lists; without a reward model alignment is no part of them."""
        category_of = {label: category for category, label in self.material.labels.items()}
        chosen = self.settings.reinforcement
        return Scoring(self.facts.vectors, category_of, BANDS[chosen.length], aligning, chosen.judged_tags)

    def validation(self, scoring: Scoring) -> Validation:
        """What chooses the step."""
        chosen = self.settings.reinforcement
        completions = Completions(self.material.options, chosen.tags)
        return Validation(
            self.material.validated, self.material.targets, self.material.options, completions, scoring, chosen.seed
        )

    def alignment(self, lake: Lake, rule: SplitRule, reward: StoredReward) -> Alignment:
        """What a reward model says of tags, with the customers as its judge was shown them.

        Raises:
            As ``judge.customers.read_people``. DataError: a file of the reward model is not what it should be.
        """
        settings = self.settings
        model = settings.engine.model
        scorer = stored.restored(reward, model, processor.resolve(settings.reward.dtype, model), settings.reward)
        people = read_customers(lake, self.material.days, rule, self.facts, settings)
        log.info("Alignment is scored by %s.", stored.name_of(reward.record))
        return Alignment(scorer, reward.counting, self.material.chat, self.facts, people, reward.reading, settings)


def read_reward(folder: Path, lake: Lake, rule: SplitRule, settings: Settings) -> tuple[StoredReward, dict[str, Any]]:
    """A reward model's files, and what a record says of it.

    Raises:
        As ``reward.stored.read``. UsageError: it may know whom this lake holds out.
    """
    found = stored.read(folder, settings.engine.model)
    name = stored.name_of(found.record)
    refuse_known(f"The reward model {name}", found.record, lake, rule, min(rule.days))
    return found, {"reward": name, "trained_until": found.record["trained_until"]}
