"""The judge that is used: a release with an adapter for the judge's role, or the language model as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lake.registry import releases
from lake.registry.releases import DOCUMENT, JUDGE, Release, adapter_files, file_digest
from lake.store.location import Lake
from model_steps.engine.adapters import Adapter
from model_steps.engine.model_digest import model_digest
from model_steps.judge import prompt_files
from model_steps.judge.counting import FILE, Counting
from model_steps.judge.prompt_files import ONE_SHOT, ROLE
from model_steps.serving.experts import adapters_of
from runtime.errors import DataError, UsageError

# What a judge's record says of it: the untuned model has none, and of a release nobody has looked here.
NONE, UNKNOWN = "none", "unknown"
TUNED_ROLES = (ROLE, ONE_SHOT)


@dataclass(frozen=True)
class Judge:
    """A judge.

    Args:
        name: of its release, or of the untuned model.
        adapters: what it answers with, by role; none of the untuned model.
        standing: whether it has passed an examination.
        counting: what it was told that counting expects, when it was tuned; none: nothing.
        record: of its training.
    """

    name: str
    adapters: Mapping[str, Adapter] = field(default_factory=dict)
    standing: str = NONE
    counting: Counting | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    def manifest(self) -> dict[str, Any]:
        """Which judge, and what it is worth."""
        said = {role: adapter.digest for role, adapter in self.adapters.items()}
        return {"judge": self.name, "standing": self.standing, "adapters": said}


def choose_judge(lake: Lake, named: str | None, model: Path) -> Judge:
    """The judge that is named.

    Args:
        lake: where a release is looked up by its name.
        named: a release's folder, or its name on the lake; none: the language model as it is, which has no standing.
        model: folder of the language model.

    Raises:
        UsageError, DataError: it is no release, no judge, or one of another language model or other prompts.
    """
    if named is None:
        return Judge(f"base-{model_digest(model)}")
    is_folder = (Path(named) / DOCUMENT).is_file()
    release, files = releases.load(Path(named)) if is_folder else releases.read(lake, named)
    _refuse_foreign(release, model)
    adapters = adapters_of(release, files, model)
    counting = Counting.read(files[FILE], f"{release.name}/{FILE}") if FILE in files else None
    tuned = {role: adapters[role] for role in TUNED_ROLES if role in adapters}
    return Judge(release.name, tuned, UNKNOWN, counting, release.training.get(JUDGE, {}))


def make(out: Path, weights: bytes, form: bytes, counting: Counting | None, record: Mapping[str, Any]) -> Path:
    """Write a judge's release below a folder; returns its own.

    Args:
        weights, form: of the LoRA adapter, as ``adapters_of`` reads them. counting: that it was told of.
        record: of its training, which names ``model``, ``prompts`` and ``roles``.

    Raises:
        UsageError: the folder cannot be written.
    """
    of_weights, of_form = adapter_files(JUDGE)
    files = {of_weights: weights, of_form: form, **({} if counting is None else {FILE: counting.content()})}
    release = Release(
        record["model"],
        record["prompts"],
        record["embedder"],
        {name: file_digest(content) for name, content in files.items()},
        {JUDGE: dict(record)},
        dict.fromkeys(record["roles"], JUDGE),
    )
    try:
        return releases.save(out, release, files)
    except OSError as error:
        raise UsageError(f"The judge's folder {out} cannot be written: {error.strerror}.") from None


def _refuse_foreign(release: Release, model: Path) -> None:
    if ROLE not in release.adapters:
        roles = ", ".join(release.adapters) or "no role"
        raise DataError(f"The release {release.name} is tuned for {roles}, and is no judge: name one that is.")
    if release.model != (here := model_digest(model)):
        raise DataError(
            f"The judge {release.name} was tuned on the language model {release.model[:40]}, and here it is "
            f"{here[:40]}: set INTENTFLOW_ENGINE__MODEL to that model's folder, or tune a judge of this one."
        )
    for role in TUNED_ROLES:
        if role in release.adapters and release.prompts.get(role) != prompt_files.role_digest(role):
            raise DataError(
                f"The judge {release.name} was tuned on other prompts of the role {role} than those here: check out "
                "the code with those prompts, or tune a judge on these."
            )
