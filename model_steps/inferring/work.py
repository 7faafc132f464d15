"""One shard of a day's inference: for whom, with what, and under which name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lake.delta import tables
from lake.delta.work import Step, marked, plan
from lake.registry import champions
from lake.registry.canary import Canary
from lake.registry.releases import ADAPTOR, Release
from lake.store.location import Lake
from model_steps.agents import arbiter, expert, inputs, planner, population
from model_steps.agents.eligible import eligible
from model_steps.agents.words import Categories
from model_steps.embedding.adaptor import Adaptor
from model_steps.embedding.embedder import Embedder
from model_steps.engine.adapters import Adapter
from model_steps.engine.cache_capacity import tokens_that_fit
from model_steps.engine.untuned import Untuned
from model_steps.engine.vllm_engine import engine_name
from model_steps.explaining import prompt_files
from model_steps.explaining.explained_shard import inputs_of, parameters_of
from model_steps.serving.experts import Experts
from model_steps.serving.fit import adaptor_of
from model_steps.serving.form import Form
from model_steps.serving.served import Served
from model_steps.serving.sides import PREFIX, Side, name_of_day, place_of, sides_of
from schemas import contexts, explanations, signals
from settings import Settings

EMBED = "embed"
ROLES = (planner.ROLE, expert.ROLE, arbiter.ROLE)


def name_of_work(
    step: Step,
    lake: Lake,
    day: str,
    settings: Settings,
    users: Sequence[str],
    shards: int,
    made_with: Release,
    categories: str,
) -> str:
    """Fingerprint of inference for these users by one release.

    Args:
        step: whose code infers. shards: how many there are. categories: digest of the catalog's categories.
    """
    return step.work(
        {
            "contexts": tables.partition_digest(lake, contexts.TABLE, day),
            "signals": tables.partition_digest(lake, signals.TABLE, day),
            "categories": categories,
            "vectors": marked(lake, EMBED, day),
            "users": list(users),
            "release": made_with.name,
            **inputs_of(lake, settings.explanations),
        },
        {
            "day": day,
            "shards": shards,
            "engine": engine_name(settings.engine),
            "window": settings.engine.maximum_tokens,
            "cache_tokens": tokens_that_fit(settings.engine),
            "history_tokens": inputs.cap_of(settings),
            # Ranked prompts end with a block, and show personas as the experts' examples do.
            "block": settings.engine.block_tokens,
            "personas_shown": [settings.examples.personas, settings.examples.categories, settings.examples.tokens],
            **settings.inference.model_dump(exclude={"users", "shards"}),
            **parameters_of(settings.explanations),
        },
    )


@dataclass(frozen=True)
class Work:
    """One shard of a day's inference: for whom, with what, under which name.

    Args:
        step: that infers, with the tables that it replaces.
        number: of the shard, from 0.
        shards: how many there are.
        users: whose intents this shard infers, sorted.
        release: what answers are made with.
        form: how histories are shown.
        experts: with what tuned roles are answered. explainers: with what captions are written, by role.
        settings: with what ``auto`` came to for these two: all that follows reads it from here.
        adaptor: entities to slots; none when histories are text.
        categories_digest: of the catalog's categories.
        name: the day's fingerprint, the same for all shards.
        side: of the canary that runs on the day; all there is where none does. canary: none where none does.
    """

    step: Step
    lake: Lake
    day: str
    number: int
    shards: int
    users: Sequence[str]
    release: Release
    form: Form
    experts: Experts
    explainers: Mapping[str, Adapter]
    settings: Settings
    embedder: Embedder
    adaptor: Adaptor | None
    categories: Categories
    categories_digest: str
    name: str
    side: Side
    canary: Canary | None

    @classmethod
    def of(
        cls,
        step: Step,
        lake: Lake,
        day: str,
        shard: str,
        settings: Settings,
        users: int,
        release_name: str | None,
        canary: Canary | None = None,
    ) -> Work:
        """Read what the work depends on.

        Args:
            As ``model_steps.infer.infer``.

        Raises:
            As that.
        """
        number, shards = population.parse_shard(shard.removeprefix(PREFIX))
        everybody = eligible(lake, day, settings.inference, users)
        release_name = release_name or champions.take(lake, settings.lake.first_release)[0].release
        sides = sides_of(everybody, shards, release_name, canary)
        place = place_of(shard, sides)
        embedder = Embedder(settings.embedder.model)
        # Of both sides, since a day has one name: where anything of either changes, all of it is made again.
        served = [Served.by(lake, day, side.release, settings, embedder, ROLES) for side in sides]
        categories = inputs.read_categories(lake, embedder.name)
        categories_digest = inputs.categories_digest(categories)
        names = [
            name_of_work(step, lake, day, by.settings, side.users, shards, by.release, categories_digest)
            for side, by in zip(sides, served, strict=True)
        ]
        side, own, model = sides[place], served[place], settings.engine.model
        return cls(
            step=step,
            lake=lake,
            day=day,
            number=number,
            shards=shards,
            users=side.users_of(number),
            release=own.release,
            form=own.form,
            experts=own.experts,
            explainers=own.explainers if own.settings.explanations.tags else {},
            settings=own.settings,
            embedder=embedder,
            adaptor=adaptor_of(own.release, own.files, model, embedder) if own.form.name == "hybrid" else None,
            categories=categories,
            categories_digest=categories_digest,
            name=name_of_day(step, day, names, canary),
            side=side,
            canary=canary,
        )

    @property
    def untuned(self) -> Untuned:
        """What answers the roles that the release has no adapter for, or whose adapters are not taken."""
        release = self.release
        adaptor = f"{release.embedder}/{release.files[ADAPTOR]}" if self.adaptor else None
        return Untuned(frozenset(self.adapters), release.model, adaptor)

    @property
    def adapters(self) -> dict[str, Adapter]:
        """What answers tuned roles, by role."""
        return {**self.experts.adapters, **self.explainers}

    def is_due(self, force: bool) -> bool:
        """Whether what is published of the day is not, all shards of it, the result of this very work."""
        own = self.step.tables
        replaced = (*own, explanations.TABLE) if self.settings.explanations.tags else own
        step = replace(self.step, tables=replaced)
        return bool(plan(self.lake, step, {self.day: self.name}, force=force, parts=range(self.shards)).due)

    def manifest(self) -> dict[str, Any]:
        """What every manifest of this work begins with."""
        return {
            "day": self.day,
            "shard": self.side.shard_name(self.number, self.shards),
            "release": self.release.name,
            "fingerprint": self.name,
            "representation": self.form.name,
            **self.experts.manifest(),
            **({"explainer": one.digest} if (one := self.explainers.get(prompt_files.EXPLAINER)) else {}),
            **({"side": self.side.name} if self.canary else {}),
        }
