"""The form in which a day's histories are shown: slots where the release's adaptor knows the catalog, else text.

All shards of a day decide alike, for they read the same: the day's contexts, and embeddings that never change.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lake.delta import tables
from lake.registry.releases import ADAPTOR, Release
from lake.store.location import Lake
from model_steps.embedding.embedder import Embedder, Vectors
from model_steps.embedding.shown import SAMPLE, sampled_entities
from model_steps.embedding.slots import read_embeddings
from model_steps.serving.fit import references_of
from schemas import entities

log = logging.getLogger("intentflow")

# Of a catalog's entities, how many must be near to what the adaptor was trained on. Of the demo's held-out entities
# 95 of 100 are, of the second shop's none (docs/method.md).
LEAST_NEAR = 0.5


@dataclass(frozen=True)
class Form:
    """How histories are shown.

    Args:
        name: ``hybrid`` or ``text``.
        share_near: of the day's items, those near to what the adaptor was trained on; None where nobody looked.
    """

    name: Literal["hybrid", "text"]
    share_near: float | None = None

    def figures(self) -> dict[str, float]:
        """As numbers that a day keeps: whether it is hybrid (1 or 0), and the share."""
        share = {} if self.share_near is None else {"share_near_training": round(self.share_near, 4)}
        return {"hybrid_form": float(self.name == "hybrid"), **share}


def choose_form(
    setting: Literal["auto", "hybrid", "text"],
    lake: Lake,
    day: str,
    release: Release,
    files: Mapping[str, bytes],
    embedder: Embedder,
) -> Form:
    """The form of a day's histories: the setting's, or by the release and the catalog.

    Args:
        setting: ``auto``, or the form that is wanted whatever the catalog is.
        lake: has the day's contexts and embeddings.
        day: whose contexts are shown.
        release: that is used.
        files: the release's.
        embedder: of the embeddings.

    Raises:
        DataError: the release does not say which catalog it knows. SourceMissing: entities are not embedded.
    """
    if setting != "auto":
        return Form(setting)
    if ADAPTOR not in release.files:
        log.info("The release %s has no entity adaptor: histories are shown as text.", release.name)
        return Form("text")
    known = references_of(release, files, embedder)
    share = known.share_near(item_sample(lake, day, embedder.name))
    if share >= LEAST_NEAR:
        return Form("hybrid", share)
    log.warning(
        "Only %.0f %% of the catalog is near to what the adaptor of %s was trained on (wanted: %.0f %%): histories are "
        "shown as text. INTENTFLOW_INFERENCE__REPRESENTATION=hybrid shows them in slots all the same.",
        100 * share,
        release.name,
        100 * LEAST_NEAR,
    )
    return Form("text", share)


def item_sample(lake: Lake, day: str, embedder: str) -> Vectors:
    """Embeddings of the items that the day's contexts show, of a sample where they are many.

    Raises:
        SourceMissing: some are not embedded.
    """
    shown = sampled_entities(lake, day)
    wanted: list[Any] = [("kind", "=", "item"), ("entity_id", "in", shown)]
    items = tables.read(lake, entities.TABLE, columns=["entity_id"], filters=wanted) if shown else None
    ids = sorted(items["entity_id"].to_pylist())[:SAMPLE] if items else []
    return read_embeddings(lake, embedder, ids)[1]
