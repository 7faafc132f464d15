"""Releases: what answers are made with, immutable and named by content.

A release is a folder of ``release.json`` and the files it names, the same in the repository (``releases/``) and on
the lake (``_releases/``). A step reads it from the lake, where every worker can.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lake.store.location import Lake
from runtime import atomic
from runtime.errors import DataError, InfrastructureError, UsageError
from runtime.fingerprint import digest
from settings import ROOT, load_settings

FOLDER = "_releases"
DOCUMENT = "release.json"
ADAPTOR = "adaptor.safetensors"
# Where its training began; no step reads it, benchmarks compare with it.
CLOSED_FORM = "closed_form.safetensors"
# Small picture of the catalog that the adaptor was trained on.
REFERENCES = "references.safetensors"
# What experts are tuned as; a role is answered with it where `adapters` says so.
EXPERTS = "experts"
# What the explainer is tuned as, which writes captions.
EXPLAINER = "explainer"
# What a judge is tuned as.
JUDGE = "judge"
# The same picture for tuned experts, where they saw another catalog than the adaptor, or there is no adaptor.
EXPERTS_REFERENCES = f"{EXPERTS}.{REFERENCES}"
NAME_DIGITS = 12
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Release:
    """An immutable model release.

    Args:
        model: digest of the language model's folder.
        prompts: digest of its prompts by role, for the roles that it serves; other roles' prompts are none of its
            matter.
        embedder: name and digest of the embedder.
        files: digest of each of its files, by name: the entity adaptor with the references of its catalog; two a LoRA
            adapter (``adapter_files``).
        training: how the files were made: the entity adaptor's record, the tuned experts' under EXPERTS, and
            the tuned explainer's under EXPLAINER.
        adapters: what each tuned role is answered with, by role: the name of a LoRA adapter, which roles may share.
            Other roles are answered by the language model as it is.
    """

    model: str
    prompts: Mapping[str, str]
    embedder: str
    files: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    adapters: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``judge-<digest>`` of a judge, ``experts-<digest>`` with other LoRA adapters, ``explainer-<digest>`` with the
        explainer's alone, ``adaptor-<digest>`` with an entity adaptor alone, ``base-<digest>`` without any trained
        part."""
        others = set(self.adapters.values()) - {EXPLAINER}
        tuned = JUDGE if JUDGE in others else EXPERTS if others else EXPLAINER
        kind = tuned if self.adapters else "adaptor" if ADAPTOR in self.files else "base"
        return f"{kind}-{digest(self.document())[:NAME_DIGITS]}"

    def document(self) -> dict[str, Any]:
        """What ``release.json`` holds. Without LoRA adapters it is as it was before there were any."""
        return {
            **({"adapters": dict(self.adapters)} if self.adapters else {}),
            "model": self.model,
            "prompts": dict(self.prompts),
            "embedder": self.embedder,
            "files": dict(self.files),
            "training": dict(self.training),
        }


class EarlierRelease(ValueError):
    """A document of the time when a release had one digest for the prompts of all roles."""


def adapter_files(name: str) -> tuple[str, str]:
    """The files of a LoRA adapter in a release: its weights, and its form."""
    return f"{name}.adapter.safetensors", f"{name}.adapter.json"


def file_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def save(folder: Path, release: Release, files: Mapping[str, bytes]) -> Path:
    """Write a release below a folder, under its name; one that is there already is left as it is."""
    place = folder / release.name
    if (place / DOCUMENT).is_file():
        return place
    for name, content in files.items():
        atomic.write(place / name, content)
    # The document last: a folder that has it is whole.
    atomic.write(place / DOCUMENT, json.dumps(release.document(), indent=1, sort_keys=True) + "\n")
    return place


def load(folder: Path) -> tuple[Release, dict[str, bytes]]:
    """A release's folder outside the lake: what it is, and its files.

    Raises:
        UsageError: it is none, or was changed after it was made.
    """
    folder = folder.resolve()
    try:
        release = _parse((folder / DOCUMENT).read_bytes())
        files = {name: (folder / name).read_bytes() for name in release.files}
    except EarlierRelease:
        raise UsageError(
            f"{folder} is a release of an earlier version, with one digest for all prompts: use "
            f"{_shown(load_settings().lake.first_release)}, or make it anew with `python -m model_steps.release "
            f"--adaptor {folder} --out releases`."
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} is no release: {error}.") from None
    _refuse_changed(release, files, folder.name, str(folder), UsageError)
    return release, files


def install(lake: Lake, release: Release, files: Mapping[str, bytes]) -> None:
    """Put a release on the lake; one that is there already is the same."""
    for name, content in files.items():
        lake.write_if_absent(f"{FOLDER}/{release.name}/{name}", content)
    document = json.dumps(release.document(), indent=1, sort_keys=True).encode()
    lake.write_if_absent(f"{FOLDER}/{release.name}/{DOCUMENT}", document)


def address(lake: Lake, name: str) -> str:
    """Where a release's document lies on the lake: what it is made of, and the records of its trainings."""
    return lake.uri(f"{FOLDER}/{name}/{DOCUMENT}")


def read(lake: Lake, name: str) -> tuple[Release, dict[str, bytes]]:
    """A release of the lake: what it is, and its files.

    Raises:
        DataError: it is not there, or was changed. InfrastructureError: one of its files is missing.
    """
    place = f"{FOLDER}/{name}"
    content = lake.read(f"{place}/{DOCUMENT}")
    if content is None:
        raise DataError(
            f"The release {name} is not in {lake.root}: install it with `python -m lake promote FOLDER`, or name "
            "another."
        )
    try:
        release = _parse(content)
    except EarlierRelease:
        # The champion of a lake from then: its next refresh stops here, at its first step.
        raise DataError(
            f"The release {name} in {lake.root} is of an earlier version, with one digest for all prompts: make the "
            "one that is shipped with the code champion, `python -m lake promote "
            f'{_shown(load_settings().lake.first_release)} --lake {lake.root} --reason "one digest a role"`.'
        ) from None
    except ValueError as error:
        raise DataError(f"{lake.uri(place)} is no release: {error}. Remove it, and promote its folder again.") from None
    files = {}
    for file in release.files:
        found = lake.read(f"{place}/{file}")
        if found is None:
            raise InfrastructureError(f"{lake.uri(f'{place}/{file}')} is missing: install the release {name} again.")
        files[file] = found
    _refuse_changed(release, files, name, lake.uri(place), DataError)
    return release, files


def _parse(content: bytes) -> Release:
    """A document's release.

    Raises:
        EarlierRelease: it has one digest for all prompts.
        ValueError: it is none, or names files that cannot be a release's.
    """
    try:
        document = json.loads(content)
        release = Release(**document)
        if isinstance(release.prompts, str):
            raise EarlierRelease
        named = [*release.prompts.values(), *release.files, *release.files.values(), *release.adapters.values()]
        texts = (release.model, release.embedder, *named)
        if not all(isinstance(text, str) for text in texts) or not isinstance(release.training, dict):
            raise TypeError("a part is of another kind")
    except EarlierRelease:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"its {DOCUMENT} cannot be read ({error})") from None
    if bad := [name for name in release.files if not _FILE.fullmatch(name) or name == DOCUMENT]:
        raise ValueError(f"its {DOCUMENT} names the file {bad[0]!r}")
    wanted = [file for name in release.adapters.values() for file in adapter_files(name)]
    if missing := [name for name in wanted if name not in release.files]:
        raise ValueError(f"its {DOCUMENT} has a role answered with {missing[0]!r}, which is none of its files")
    return release


def _shown(folder: Path) -> str:
    """A folder as one types it at the repository's root."""
    return str(folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder)


def _refuse_changed(
    release: Release, files: Mapping[str, bytes], name: str, place: str, error: type[DataError] | type[UsageError]
) -> None:
    if release.name != name:
        raise error(
            f"{place} is not the release {name}: its document was changed, by its content it is {release.name}."
        )
    for file, content in files.items():
        if file_digest(content) != release.files[file]:
            raise error(f"{place}/{file} is not the file that the release was made with: restore it.")
