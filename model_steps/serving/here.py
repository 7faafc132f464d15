"""What this lake and this machine have, by part, as digests that a release may name."""

from __future__ import annotations

from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps.agents import inputs
from model_steps.embedding.embedder import Embedder
from model_steps.engine.model_digest import model_digest
from model_steps.serving.prompts import digest_of
from runtime.fingerprint import digest
from settings import Settings


def made_for(release: Release) -> dict[str, str]:
    """What a release was made for, by part."""
    return {
        "language model": release.model,
        "embedder": release.embedder,
        "prompts": digest(dict(release.prompts)),
    }


def here(lake: Lake, settings: Settings, release: Release) -> dict[str, str]:
    """What is here, by part: language model, embedder, prompts of the roles that the release serves, catalog.

    Raises:
        ConfigurationError: there is no model or no embedder. SourceMissing: the catalog is not embedded.
    """
    embedder = Embedder(settings.embedder.model).name
    return {
        "language model": model_digest(settings.engine.model),
        "embedder": embedder,
        "prompts": digest({role: digest_of(role) for role in release.prompts}),
        "catalog": inputs.categories_digest(inputs.read_categories(lake, embedder)),
    }
