"""What a training of experts learns and is validated by, read from a lake."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lake.delta import tables
from lake.registry.splits import SplitRule, drawn
from lake.store.location import Lake
from model_steps.agents import ranked_expert
from model_steps.engine.chat import Chat
from model_steps.engine.options import Options
from model_steps.training.experts import personas, pools, teacher
from model_steps.training.experts.course import ExpertsCourse
from model_steps.training.experts.personas import PersonaExample
from model_steps.training.experts.targets import target_shares
from model_steps.training.experts.validation import Ranking, Reviewing, calibration, recalls
from model_steps.training.lora.loop import Written
from model_steps.training.lora.taught import Taught, packed, teach
from model_steps.training.lora.tuned_model import TunedModel
from representation.evidence import label_in_catalog
from runtime.errors import ConfigurationError, UsageError
from runtime.progress import Progress
from schemas import entities
from settings import Settings

Row = Mapping[str, Any]


def read_labels(lake: Lake) -> dict[str, str]:
    """Each category's label, as prompts show it.

    Raises:
        ConfigurationError: two categories look alike.
    """
    columns = ["text", "category", "category_path"]
    rows = tables.read(lake, entities.TABLE, columns=columns, filters=[("kind", "=", "category")]).to_pylist()
    labels = {row["category"]: label_in_catalog(row["text"], row["category_path"]) for row in rows}
    if len(set(labels.values())) < len(labels):
        seen: dict[str, str] = {}
        for category, label in sorted(labels.items()):
            if label in seen:
                raise ConfigurationError(
                    f"The categories {seen[label]!r} and {category!r} both look like {label!r} in a prompt: "
                    "name them apart."
                )
            seen[label] = category
    return labels


@dataclass(frozen=True)
class Material:
    """The examples of some training days.

    Args:
        days: training days. rows: their examples, of train and validation.
        learnt: those of train, in the order in which they are learnt.
        labels: of the categories, as prompts show them. options: the tag space. chat: the model's template.
    """

    days: tuple[str, ...]
    rows: Sequence[Row]
    learnt: Sequence[dict[str, Any]]
    labels: Mapping[str, str]
    options: Options
    chat: Chat
    settings: Settings

    @classmethod
    def read(cls, lake: Lake, rule: SplitRule, days: Sequence[str], settings: Settings) -> Material:
        """Read the examples of days, or without any of the newest ones that the split allows.

        Raises:
            SourceMissing: a day has none.
            DataError: one touches the holdout. UsageError: none is of the train split.
            ConfigurationError: two categories look alike.
        """
        days = tuple(days) or rule.training_days(settings.source.first_day.isoformat())[: settings.experts.days]
        rows = personas.read_days(lake, days)
        personas.refuse_leaks(rows, rule)
        learnt = personas.stable_order(row for row in rows if row["split"] == "train")
        if not learnt:
            raise UsageError(f"No example of {', '.join(days)} is of a user of the train split: name other days.")
        chat, labels = Chat(settings.engine.model), read_labels(lake)
        options = ranked_expert.tag_space(labels.values(), chat.answer_tokens)
        return cls(days, rows, learnt, labels, options, chat, settings)

    @cached_property
    def validated(self) -> dict[str, list[PersonaExample]]:
        """Personas of the validation users that stop training, as of the newest day, by user."""
        return self._drawn(self.settings.experts.validation_users)

    @cached_property
    def calibrated(self) -> dict[str, list[PersonaExample]]:
        """Personas of the validation users that show what shares are worth, likewise."""
        return self._drawn(self.settings.experts.calibration_users)

    @cached_property
    def targets(self) -> list[Taught]:
        """What came true of the validation users that stop training, as cross-entropy is measured by it."""
        return [packed([self.target(one) for one in of_user]) for of_user in self.validated.values()]

    def course(self, general: Sequence[Written], chances: teacher.Chances) -> ExpertsCourse:
        """What each step learns.

        Args:
            general: written answers of the general share. chances: what is expected of the evidence; none: nothing.
        """
        chosen = self.settings.experts
        return ExpertsCourse(
            self.learnt,
            self.encoded,
            general,
            self.options,
            chosen,
            customers=pools.customers_of(self.learnt, self.labels) if chosen.reviews else (),
            ask=self._review_prompt if chosen.reviews else None,
            expected=(lambda row: teacher.expected(chances, row)) if chances else None,
        )

    def validation(self, model: TunedModel) -> Callable[[], dict[str, float]]:
        """What is measured of validation users: recall, and the cross-entropy to what came true."""
        targets = self.targets
        reviewing = self._reviewing(model) if self.settings.experts.reviews else None

        def figures() -> dict[str, float]:
            found = recalls(
                self.validated, lambda prompts, most: model.rank_all(prompts, self.options, most), reviewing
            )
            return {**found, "cross_entropy": model.cross_entropy(targets)}

        return figures

    def calibration(self, model: TunedModel) -> dict[str, dict[str, float]]:
        """What the model's shares are worth, found on validation users."""
        progress = Progress(len(self.calibrated), "users for calibration", every_seconds=20)

        def ranks(prompts: Sequence[Sequence[int]], most: int) -> Sequence[Ranking]:
            progress.advance()
            return model.rank_all(prompts, self.options, most)

        return calibration(self.calibrated, ranks)

    def _drawn(self, users: int) -> dict[str, list[PersonaExample]]:
        chosen = set(drawn((row["user_id"] for row in self._newest), users))
        found: dict[str, list[PersonaExample]] = {}
        for row in self._newest:
            if row["user_id"] in chosen:
                found.setdefault(row["user_id"], []).append(self.encoded(row))
        return found

    @cached_property
    def _newest(self) -> list[Row]:
        return [row for row in self.rows if row["split"] == "validation" and row["day"] == max(self.days)]

    def encoded(self, row: Row) -> PersonaExample:
        """A row with its prompt."""
        return personas.example_of(row, self.labels, self.chat, self.settings)

    def target(self, one: PersonaExample) -> Taught:
        """What validation holds a persona against: its outcomes, and nothing for the rest."""
        chosen = self.settings.experts
        shares = target_shares(one.outcomes, chosen.target_size, random.Random(chosen.seed))
        return teach(one.prompt, shares, self.options)

    def _review_prompt(self, customer: pools.Customer, pool: Sequence[str]) -> tuple[int, ...]:
        return customer.prompt(pool, self.chat, self.settings)

    def _reviewing(self, model: TunedModel) -> Reviewing:
        known = {one.user_id: one for one in pools.customers_of(self._newest, self.labels)}

        def review(user: str, pool: Sequence[str]) -> list[str]:
            ranked = model.rank(self._review_prompt(known[user], pool), self.options.among(pool), len(pool))
            return [tag for tag, _ in ranked]

        return Reviewing(self.settings.experts.review_pool, review)
