"""With what roles are answered that a release has tuned: its LoRA adapters, or the language model as it is.

All shards of a day decide alike, as for the form of histories: they read the same catalog.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lake.registry.releases import EXPERTS, EXPERTS_REFERENCES, EXPLAINER, REFERENCES, Release, adapter_files
from lake.store.location import Lake
from model_steps.agents.ranked_pool import Calibration, Scale
from model_steps.embedding import references
from model_steps.embedding.embedder import Embedder
from model_steps.engine.adapters import Adapter, read_adapter
from model_steps.serving.form import LEAST_NEAR, Form, item_sample
from runtime.errors import DataError

log = logging.getLogger("intentflow")

# What `auto` takes on another catalog than the experts were tuned on: they do better there (docs/benchmarks.md).
ON_FOREIGN: Literal["tuned", "base"] = "tuned"
# How the engine applies adapters (model_steps/engine/lora.py).
APPLIED = "lora"


@dataclass(frozen=True)
class Experts:
    """With what tuned roles are answered.

    Args:
        name: ``tuned`` or ``base``; a release without adapters has base ones.
        adapters: by role; none where they are base.
        share_near: of the day's items, those near to what the experts were tuned on; None where nobody looked.
        calibration: of what they say; none of base ones, which were never compared with what came true.
    """

    name: Literal["tuned", "base"]
    adapters: Mapping[str, Adapter] = field(default_factory=dict)
    share_near: float | None = None
    calibration: Calibration | None = None

    def manifest(self) -> dict[str, Any]:
        """Which adapters answer, by role."""
        said = {role: adapter.digest for role, adapter in self.adapters.items()}
        return {"experts": self.name, "adapters": said, **({"adapters_applied": APPLIED} if said else {})}

    def figures(self) -> dict[str, float]:
        """As numbers that a day keeps: whether they are tuned (1 or 0), and the share."""
        share = {} if self.share_near is None else {"share_near_experts": round(self.share_near, 4)}
        return {"tuned_experts": float(self.name == "tuned"), **share}


def choose_experts(
    setting: Literal["auto", "tuned", "base"],
    lake: Lake,
    day: str,
    release: Release,
    files: Mapping[str, bytes],
    embedder: Embedder,
    model: Path,
    form: Form,
) -> Experts:
    """What answers a day's tuned roles: the setting's, or by the release and the catalog.

    Args:
        setting: ``auto``, or what is wanted whatever the catalog is.
        lake: has the day's contexts and embeddings.
        day: whose users are asked about.
        release: that is used.
        files: the release's.
        embedder: of the embeddings.
        model: folder of the language model.
        form: of the day's histories; where it was chosen by the same picture of a catalog, it knows the share.

    Raises:
        DataError: an adapter or the picture of its catalog is damaged, or does not fit the model. SourceMissing:
            entities are not embedded.
    """
    tuned = {role for role, name in release.adapters.items() if name != EXPLAINER}
    if setting == "base" or not tuned:
        if setting == "tuned":
            log.warning("The release %s has no tuned experts: the untuned model serves.", release.name)
        return Experts("base")
    share = _share_near(lake, day, release, files, embedder, form)
    foreign = share is not None and share < LEAST_NEAR
    name = ON_FOREIGN if setting == "auto" and foreign else "tuned"
    if share is not None and foreign:
        log.warning(
            "Only %.0f %% of the catalog is near to what the experts of %s were tuned on (wanted: %.0f %%): the "
            "%s ones serve. INTENTFLOW_INFERENCE__EXPERTS=tuned or base takes either; `python -m "
            "model_steps.train_experts --lake %s` tunes them on this shop's own log.",
            100 * share,
            release.name,
            100 * LEAST_NEAR,
            name,
            lake.root,
        )
    if name == "base":
        return Experts(name, {}, share)
    adapters = {role: one for role, one in adapters_of(release, files, model).items() if role in tuned}
    return Experts(name, adapters, share, calibration_of(release))


def explainers_of(release: Release, files: Mapping[str, bytes], model: Path) -> dict[str, Adapter]:
    """What captions of a release are written with, by role; nothing where it has no tuned explainer.

    Raises:
        DataError: as ``adapters_of``.
    """
    own = {role for role, name in release.adapters.items() if name == EXPLAINER}
    return {role: one for role, one in adapters_of(release, files, model).items() if role in own} if own else {}


def calibration_of(release: Release) -> Calibration | None:
    """What a release's training found on validation users; without it what the experts say is taken as it is.

    Raises:
        DataError: it is none.
    """
    said = release.training.get(EXPERTS, {}).get("calibration")
    if not said:
        return None
    try:
        found = Calibration(own=Scale(**said["own"]), other=Scale(**said["other"]))
        if all(math.isfinite(each.intercept) and 0 < each.slope < math.inf for each in (found.own, found.other)):
            return found
    except (KeyError, TypeError):
        pass
    raise DataError(
        f"The calibration of {release.name} is {said}: it has an intercept and a positive slope for own and for other."
    )


def adapters_of(release: Release, files: Mapping[str, bytes], model: Path) -> dict[str, Adapter]:
    """The adapters of a release by role.

    Raises:
        DataError: one is damaged, or does not fit the language model.
    """
    read = {}
    for name in sorted(set(release.adapters.values())):
        weights, form = adapter_files(name)
        read[name] = read_adapter(name, files[weights], files[form], model, f"{release.name}/{weights}")
    return {role: read[name] for role, name in sorted(release.adapters.items())}


def _share_near(
    lake: Lake, day: str, release: Release, files: Mapping[str, bytes], embedder: Embedder, form: Form
) -> float | None:
    """Of the day's items, the share near to what the experts were tuned on; None where the release does not say."""
    if EXPERTS_REFERENCES not in files and form.share_near is not None:
        return form.share_near
    file = next((file for file in (EXPERTS_REFERENCES, REFERENCES) if file in files), None)
    if file is None:
        log.info("The release %s does not say which catalog its experts were tuned on.", release.name)
        return None
    known = references.load(files[file], embedder.dimensions, f"{release.name}/{file}")
    return known.share_near(item_sample(lake, day, embedder.name))
