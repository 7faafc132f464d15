"""What a training leaves: the files of an entity adaptor or of tuned experts, and the record of how they were made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lake.registry.releases import (
    ADAPTOR,
    CLOSED_FORM,
    DOCUMENT,
    EXPERTS,
    EXPERTS_REFERENCES,
    EXPLAINER,
    REFERENCES,
    adapter_files,
    file_digest,
)
from model_steps.agents import expert
from model_steps.engine.adapters import FORM, WEIGHTS, clean_form
from runtime.errors import DataError, UsageError

RECORD = "adaptor.json"
EXPERTS_RECORD = f"{EXPERTS}.json"
EXPLAINER_RECORD = f"{EXPLAINER}.json"


def made_folder(folder: Path) -> Path:
    """A training's folder, made if it is not there.

    Raises:
        UsageError: it cannot be one.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The training's folder {folder} cannot be one: {error.strerror}.") from None
    return folder


def read_trained(folder: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a trained adaptor and their record, of a training's folder or of a release's.

    Raises:
        UsageError: the folder is neither. DataError: a file is not the one of the record.
    """
    try:
        files = {name: (folder / name).read_bytes() for name in (ADAPTOR, CLOSED_FORM, REFERENCES)}
        if (folder / RECORD).is_file():
            record = dict(json.loads((folder / RECORD).read_text()))
        else:
            # Read without a release's other parts: an earlier version's document has them in another form.
            record = dict(json.loads((folder / DOCUMENT).read_text())["training"])
            for other in (EXPERTS, EXPLAINER):
                record.pop(other, None)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"--adaptor {folder} is no folder that a training has finished: {error}.") from None
    for name, part in ((ADAPTOR, "adaptor"), (REFERENCES, "references")):
        if record.get(part) != file_digest(files[name]):
            raise DataError(f"{folder / name} is not the file of the training's record: run the training again.")
    return files, record


@dataclass(frozen=True)
class TunedExperts:
    """Tuned experts as a training leaves them, or a release that they are taken from.

    Args:
        weights: content of peft's adapter_model.safetensors.
        form: content of peft's adapter_config.json, without what names the training's machine.
        references: what the catalog looked like that they learnt from; none where the training kept none.
        record: how they were made.
    """

    weights: bytes
    form: bytes
    references: bytes | None
    record: dict[str, Any]

    @property
    def roles(self) -> list[str]:
        """The roles that are answered with them."""
        return list(self.record.get("roles", [expert.ROLE]))

    @property
    def prompts(self) -> dict[str, str]:
        """Digests of the prompts that they learnt to answer, by role."""
        said = self.record.get("prompts", {})
        return {expert.ROLE: said} if isinstance(said, str) else dict(said)

    def files(self) -> dict[str, bytes]:
        """A release's files of them."""
        weights, form = adapter_files(EXPERTS)
        kept = {} if self.references is None else {EXPERTS_REFERENCES: self.references}
        return {weights: self.weights, form: self.form, **kept}


def read_experts(folder: Path) -> TunedExperts:
    """Tuned experts of a training's folder or of a release's.

    Raises:
        UsageError: the folder is neither. DataError: a file is not the one of the record, or no adapter's.
    """
    try:
        if (folder / EXPERTS_RECORD).is_file():
            record = dict(json.loads((folder / EXPERTS_RECORD).read_text()))
            weights, form, references = (folder / name for name in (WEIGHTS, FORM, REFERENCES))
        else:
            record = dict(json.loads((folder / DOCUMENT).read_text())["training"][EXPERTS])
            weights, form = (folder / name for name in adapter_files(EXPERTS))
            own, adaptors = folder / EXPERTS_REFERENCES, folder / REFERENCES
            references = own if own.is_file() else adaptors
        found = TunedExperts(
            weights=weights.read_bytes(),
            form=clean_form(form.read_bytes(), str(form)),
            references=references.read_bytes() if references.is_file() else None,
            record=record,
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"--experts {folder} is no folder that a training has finished: {error}.") from None
    if record.get("adapter") != file_digest(found.weights):
        raise DataError(f"{weights} is not the file of the training's record: run the training again.")
    return found


@dataclass(frozen=True)
class TunedExplainer:
    """A tuned explainer as a training leaves it, or a release that it is taken from.

    Args:
        weights, form: as of ``TunedExperts``. record: how it was made.
    """

    weights: bytes
    form: bytes
    record: dict[str, Any]

    @property
    def prompts(self) -> dict[str, str]:
        """Digests of the prompts that it learnt to answer, by role."""
        return dict(self.record["prompts"])

    def files(self) -> dict[str, bytes]:
        """A release's files of it."""
        weights, form = adapter_files(EXPLAINER)
        return {weights: self.weights, form: self.form}


def read_explainer(folder: Path) -> TunedExplainer:
    """A tuned explainer of a training's folder or of a release's.

    Raises:
        UsageError: the folder is neither. DataError: a file is not the one of the record, or no adapter's.
    """
    try:
        if (folder / EXPLAINER_RECORD).is_file():
            record = dict(json.loads((folder / EXPLAINER_RECORD).read_text()))
            weights, form = folder / WEIGHTS, folder / FORM
        else:
            record = dict(json.loads((folder / DOCUMENT).read_text())["training"][EXPLAINER])
            weights, form = (folder / name for name in adapter_files(EXPLAINER))
        found = TunedExplainer(weights.read_bytes(), clean_form(form.read_bytes(), str(form)), record)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{folder} is no folder that a training of the explainer has finished: {error}.") from None
    if record.get("adapter") != file_digest(found.weights):
        raise DataError(f"{weights} is not the file of the training's record: run the training again.")
    return found
