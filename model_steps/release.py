"""Whether a release fits what a run has: model folder, prompts, embedder; and making one of what there is.

``python -m model_steps.release --out releases [--adaptor FOLDER]`` makes a release of the model folder and the embedder
of the settings, the prompts as they are, and an adaptor; ``python -m lake promote FOLDER`` makes it champion.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lake.registry import releases
from lake.registry.releases import ADAPTOR, CLOSED_FORM, Release
from model_steps.agents.prompt_files import prompts_digest
from model_steps.embedding import adaptor
from model_steps.embedding.adaptor import Adaptor, model_width
from model_steps.embedding.embedder import Embedder
from runtime.entry import run_command
from runtime.errors import ConfigurationError, DataError, UsageError
from runtime.fingerprint import digest
from settings import load_settings

# What training leaves beside the adaptor.
RECORD = "adaptor.json"
# What decides about an answer: the weights, and whatever rendering a prompt, reading it and ending an answer read.
_FILES = (
    "*.safetensors",
    "tokenizer.json",
    "tokenizer.model",
    "tekken.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
)
# Of these the content counts, not the form, and not who wrote them with what from where.
_CONFIGURATIONS = (
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
_PROVENANCE = frozenset(
    {
        "_commit_hash",
        "_from_model_config",
        "_name_or_path",
        "backend",
        "is_local",
        "local_files_only",
        "name_or_path",
        "transformers_version",
    }
)


def model_digest(folder: Path) -> str:
    """Digest of a model folder: its weights, architecture, tokenizer, special tokens and chat templates.

    Args:
        folder: of the model.

    Raises:
        ConfigurationError: there is no model, or one of its configurations cannot be read.
    """
    files = sorted(path for pattern in _FILES for path in folder.glob(pattern))
    if not any(path.suffix == ".safetensors" for path in files):
        raise ConfigurationError(
            f"There is no model in {folder}: run `python -m model_steps.weights`, or set INTENTFLOW_ENGINE__MODEL."
        )
    parts = []
    for path in files:
        with path.open("rb") as file:
            parts.append([str(path.relative_to(folder)), hashlib.file_digest(file, "sha256").hexdigest()])
    for path in (folder / name for name in _CONFIGURATIONS):
        if path.is_file():
            parts.append([path.name, _configuration_digest(path)])
    return digest(parts)


def _configuration_digest(path: Path) -> str:
    try:
        content = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}): get the folder again, or set INTENTFLOW_ENGINE__MODEL to another."
        ) from None
    return digest({name: value for name, value in content.items() if name not in _PROVENANCE})


def refuse_foreign(release: Release, model: Path, embedder: str) -> None:
    """Refuse a release that was made for something else than this run has.

    Raises:
        DataError: naming what differs, and what to do.
    """
    model_here, prompts_here = model_digest(model), prompts_digest()
    parts = (
        ("the language model", release.model, model_here, "set INTENTFLOW_ENGINE__MODEL to that model's folder"),
        ("the embedder", release.embedder, embedder, "set INTENTFLOW_EMBEDDER__MODEL to that embedder's folder"),
        ("the prompts", release.prompts, prompts_here, "check out the code with those prompts"),
    )
    for part, wanted, here, remedy in parts:
        if wanted != here:
            raise DataError(
                f"The release {release.name} was made with {part} {wanted[:40]}, and here it is {here[:40]}: {remedy}, "
                "or make a release of what is here (`python -m model_steps.release --help`) and promote it."
            )


def adaptor_of(
    release: Release, files: Mapping[str, bytes], model: Path, embedder: Embedder, file: str = ADAPTOR
) -> Adaptor:
    """The entity adaptor of a release that ``refuse_foreign`` has let pass.

    Raises:
        DataError: it has none, or one that does not fit.
    """
    if file not in files:
        raise DataError(
            f"The release {release.name} has no entity adaptor: set INTENTFLOW_INFERENCE__REPRESENTATION=text, or "
            "train one with `python -m model_steps.train_adaptor`."
        )
    widths = (embedder.dimensions, model_width(model))
    return adaptor.load(files[file], embedder.name, release.model, widths, f"{release.name}/{file}")


def make(out: Path, trained: Path | None) -> Release:
    """Write a release of what the settings name; returns it.

    Args:
        out: where the release's folder goes. trained: what ``train_adaptor`` left; none for the text form alone.

    Raises:
        UsageError: a folder is none. DataError: the adaptor does not fit, or is not the one of its record.
    """
    settings = load_settings()
    embedder = Embedder(settings.embedder.model)
    model = model_digest(settings.engine.model)
    files: dict[str, bytes] = {}
    training: dict[str, Any] = {}
    if trained is not None:
        try:
            files = {name: (trained / name).read_bytes() for name in (ADAPTOR, CLOSED_FORM)}
            training = dict(json.loads((trained / RECORD).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"--adaptor {trained} is no folder that a training has finished: {error}.") from None
        if training.get("adaptor") != releases.file_digest(files[ADAPTOR]):
            raise DataError(f"{trained / RECORD} is not the record of {ADAPTOR} beside it: run the training again.")
        widths = (embedder.dimensions, model_width(settings.engine.model))
        for name, content in files.items():
            adaptor.load(content, embedder.name, model, widths, str(trained / name))
    digests = {name: releases.file_digest(content) for name, content in files.items()}
    release = Release(model, prompts_digest(), embedder.name, digests, training)
    try:
        releases.save(out, release, files)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written: {error.strerror}.") from None
    return release


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    release = make(arguments.out, arguments.adaptor)
    return {"release": release.name, "folder": str(arguments.out / release.name)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.release", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the release's folder into")
    parser.add_argument("--adaptor", type=Path, help="folder of a trained adaptor (default: for the text form alone)")
    run_command(main, parser)
