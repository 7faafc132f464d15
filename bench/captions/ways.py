"""The ways of writing that are compared, and which of them are there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.captions.without_model import RANDOM_WORDS, TEMPLATE
from lake.registry import releases
from lake.registry.releases import Release
from model_steps.engine.adapters import Adapter
from model_steps.engine.model_digest import model_digest
from model_steps.explaining import prompt_files
from model_steps.serving.experts import adapters_of
from runtime.errors import UsageError

V1, BASE, SFT, RL = "v1", "meta_base", "meta_sft", "meta_rl"
FORMS = ("closed", "free")
# What is published by default; the free form is measured beside it.
HEADLINE = "closed"
TUNED = (SFT, RL)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Way:
    """A way that asks the model.

    Args:
        asks: whether a style comes first, as `explanations.way` has it.
        release: that answers; none: the language model as it is.
        adapters: of the release, by role.
    """

    name: str
    asks: Literal["meta", "v1"]
    release: str | None = None
    adapters: Mapping[str, Adapter] = field(default_factory=dict)


UNTUNED = (Way(V1, "v1"), Way(BASE, "meta"))


def named(entries: Sequence[str]) -> dict[str, Path]:
    """Folders of releases by way.

    Args:
        entries: each ``NAME=FOLDER``.

    Raises:
        UsageError: one is of another form, or names a way that has no release, or one that was named before.
    """
    found: dict[str, Path] = {}
    for entry in entries:
        name, divided, folder = entry.partition("=")
        if not (divided and folder and _NAME.fullmatch(name)):
            raise UsageError(f"--release {entry} is not NAME=FOLDER: write it as in {SFT}=releases/captions-1.")
        if name in (TEMPLATE, RANDOM_WORDS, V1, BASE) or name in found:
            raise UsageError(f"--release {entry}: there is a way {name} already, give it another name.")
        if not Path(folder).is_dir():
            raise UsageError(f"--release {entry}: there is no folder {folder}.")
        found[name] = Path(folder)
    return found


def absent(folders: Mapping[str, Path]) -> dict[str, str]:
    """Why the tuned ways that nobody named are left out."""
    return {
        name: f"No release with tuned captions is shipped: name one, --release {name}=FOLDER."
        for name in TUNED
        if name not in folders
    }


def tuned(name: str, folder: Path, model: Path) -> Way:
    """A way that a release answers.

    Args:
        folder: the release's. model: folder of the language model.

    Raises:
        UsageError: its captions are not tuned, or are for another model or other prompts. DataError: it is damaged.
    """
    release, files = releases.load(folder)
    roles = (prompt_files.STYLIST, prompt_files.EXPLAINER)
    adapters = {role: adapter for role, adapter in adapters_of(release, files, model).items() if role in roles}
    if prompt_files.EXPLAINER not in adapters:
        raise UsageError(
            f"--release {name}={folder}: it has no adapter for the {prompt_files.EXPLAINER}, so its captions are those "
            f"of {BASE}: leave it out."
        )
    _refuse_other(name, release, folder, model, sorted(adapters))
    return Way(name, "meta", release.name, adapters)


def _refuse_other(name: str, release: Release, folder: Path, model: Path, roles: Sequence[str]) -> None:
    if release.model != (here := model_digest(model)):
        raise UsageError(
            f"--release {name}={folder} is for the model {release.model[:12]}, and here it is {here[:12]}: set "
            "INTENTFLOW_ENGINE__MODEL to that model's folder."
        )
    other = [role for role in roles if release.prompts.get(role) != prompt_files.role_digest(role)]
    if other:
        raise UsageError(
            f"--release {name}={folder} was tuned with other prompts of the {other[0]} than are here: check out the "
            "code with those prompts, or tune it again."
        )
