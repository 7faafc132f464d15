"""A release as a day is served by it: that it fits what is here, and what each setting of ``auto`` comes to for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lake.registry import releases
from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps.embedding.embedder import Embedder
from model_steps.engine.adapters import Adapter
from model_steps.explaining.prompt_files import FILES
from model_steps.serving.experts import Experts, choose_experts, explainers_of
from model_steps.serving.fit import refuse_foreign
from model_steps.serving.form import Form, choose_form
from settings import Settings


@dataclass(frozen=True)
class Served:
    """A release that serves.

    Args:
        files: the release's.
        form: how histories are shown. experts: with what tuned roles are answered. explainers: with what captions are
            written, by role; none of a release without, whose captions are the language model's own.
        settings: with what ``auto`` came to for these two.
    """

    release: Release
    files: Mapping[str, bytes]
    form: Form
    experts: Experts
    explainers: Mapping[str, Adapter]
    settings: Settings

    @classmethod
    def by(
        cls, lake: Lake, day: str, name: str, settings: Settings, embedder: Embedder, roles: Sequence[str]
    ) -> Served:
        """Read a release of the lake and choose.

        Args:
            name: of the release. roles: those that it is asked for.

        Raises:
            DataError: the release is damaged, or for another model, embedder or prompts.
            SourceMissing: entities are not embedded.
        """
        release, files = releases.read(lake, name)
        writes = [role for role in release.prompts if role in FILES] if settings.explanations.tags else []
        refuse_foreign(release, settings.engine.model, embedder.name, (*roles, *writes))
        asked = settings.inference
        form = choose_form(asked.representation, lake, day, release, files, embedder)
        experts = choose_experts(asked.experts, lake, day, release, files, embedder, settings.engine.model, form)
        chosen = asked.model_copy(update={"representation": form.name, "experts": experts.name})
        explainers = explainers_of(release, files, settings.engine.model)
        return cls(release, files, form, experts, explainers, settings.model_copy(update={"inference": chosen}))
