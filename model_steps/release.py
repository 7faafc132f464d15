"""Make a release of what there is: ``python -m model_steps.release --out releases [--adaptor FOLDER]
[--experts FOLDER] [--explainer FOLDER]``.

It is made of the model folder and the embedder of the settings, the prompts as they are, an entity adaptor, tuned
experts, and a tuned explainer; ``python -m lake promote FOLDER`` makes it champion. ``--candidate-beside RELEASE``
takes the adaptor and the explainer of a lake's release, unless others are named, and puts the new one on that lake,
where it waits to be judged.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lake.registry import releases
from lake.registry.releases import ADAPTOR, CLOSED_FORM, EXPERTS, EXPERTS_REFERENCES, EXPLAINER, REFERENCES, Release
from lake.store.location import Lake
from model_steps.agents.prompt_files import role_digest, role_digests
from model_steps.embedding import adaptor, references
from model_steps.embedding.adaptor import model_width
from model_steps.embedding.embedder import Embedder
from model_steps.engine.adapters import read_adapter
from model_steps.engine.model_digest import model_digest
from model_steps.explaining import prompt_files as caption_prompts
from model_steps.training.record import read_experts, read_explainer, read_trained
from runtime.entry import run_command
from runtime.errors import DataError, UsageError
from settings import load_settings

log = logging.getLogger("intentflow")


def make(out: Path, trained: Path | None, experts: Path | None = None, explainer: Path | None = None) -> Release:
    """Write a release of what the settings name; returns it.

    Args:
        out: where the release's folder goes.
        trained: what ``train_adaptor`` left, or a release whose adaptor is taken over; none for the text form alone.
        experts: what ``train_experts`` left, or a release whose experts are taken over; none for the language model
            as it is.
        explainer: what ``train_captions`` or ``reinforce_captions`` left, or a release whose explainer is taken over;
            none for captions by the language model as it is.

    Raises:
        UsageError: a folder is none. DataError: a part does not fit, or is not that of its record.
    """
    settings = load_settings()
    embedder = Embedder(settings.embedder.model)
    model = model_digest(settings.engine.model)
    files: dict[str, bytes] = {}
    training: dict[str, Any] = {}
    adapters: dict[str, str] = {}
    if trained is not None:
        files, training = read_trained(trained)
        widths = (embedder.dimensions, model_width(settings.engine.model))
        for name in (ADAPTOR, CLOSED_FORM):
            adaptor.load(files[name], embedder.name, model, widths, str(trained / name))
        references.load(files[REFERENCES], embedder.dimensions, str(trained / REFERENCES))
    if experts is not None:
        tuned = read_experts(experts)
        _refuse_other_model("experts", experts, tuned.record, model, "train_experts")
        if other := [role for role, name in tuned.prompts.items() if name != role_digest(role)]:
            log.warning("The experts in %s were tuned on other prompts of the %s than these.", experts, other[0])
        read_adapter(EXPERTS, tuned.weights, tuned.form, settings.engine.model, str(experts))
        kept = tuned.files()
        if EXPERTS_REFERENCES in kept:
            references.load(kept[EXPERTS_REFERENCES], embedder.dimensions, str(experts / REFERENCES))
            if kept[EXPERTS_REFERENCES] == files.get(REFERENCES):
                del kept[EXPERTS_REFERENCES]
        files, training = {**files, **kept}, {**training, EXPERTS: tuned.record}
        adapters = dict.fromkeys(tuned.roles, EXPERTS)
    prompts = role_digests()
    if explainer is not None:
        writes = read_explainer(explainer)
        _refuse_other_model("explainer", explainer, writes.record, model, "train_captions")
        if writes.prompts != (own := {EXPLAINER: caption_prompts.role_digest(EXPLAINER)}):
            raise DataError(
                f"The explainer in {explainer} was tuned on other prompts than these: check out the code with those "
                "prompts, or tune it again with `python -m model_steps.train_captions`."
            )
        read_adapter(EXPLAINER, writes.weights, writes.form, settings.engine.model, str(explainer))
        files, training = {**files, **writes.files()}, {**training, EXPLAINER: writes.record}
        adapters, prompts = {**adapters, caption_prompts.EXPLAINER: EXPLAINER}, {**prompts, **own}
    digests = {name: releases.file_digest(content) for name, content in files.items()}
    release = Release(model, prompts, embedder.name, digests, training, adapters)
    try:
        releases.save(out, release, files)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written: {error.strerror}.") from None
    return release


def _refuse_other_model(part: str, folder: Path, record: Mapping[str, Any], model: str, step: str) -> None:
    if record.get("model") != model:
        raise DataError(
            f"What is in {folder} was tuned on the language model {str(record.get('model'))[:40]}, and here it is "
            f"{model}: set INTENTFLOW_ENGINE__MODEL to that model's folder, or tune the {part} on this one with "
            f"`python -m model_steps.{step}`."
        )


def candidate(
    lake: Lake,
    out: Path,
    beside: str,
    experts: Path | None,
    trained: Path | None = None,
    explainer: Path | None = None,
) -> Release:
    """Make a release to be judged beside another one, and put it on that one's lake.

    Args:
        out: where the release's folder goes. beside: name of a release on the lake. experts: as ``make`` has them.
        trained, explainer: as ``make`` has them; none: those of the other release.

    Raises:
        DataError: the lake has no such release. As ``make``.
    """
    champion, files = releases.read(lake, beside)
    with TemporaryDirectory() as folder:
        kept = releases.save(Path(folder), champion, files)
        own = kept if ADAPTOR in champion.files else None
        writes = kept if EXPLAINER in champion.adapters.values() else None
        release = make(out, trained or own, experts, explainer or writes)
    releases.install(lake, *releases.load(out / release.name))
    return release


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.candidate_beside is None:
        release = make(arguments.out, arguments.adaptor, arguments.experts, arguments.explainer)
        return {"release": release.name, "folder": str(arguments.out / release.name)}
    lake = Lake.open(arguments.lake or load_settings().lake.uri)
    parts = (arguments.experts, arguments.adaptor, arguments.explainer)
    release = candidate(lake, arguments.out, arguments.candidate_beside, *parts)
    known = release.name == arguments.candidate_beside
    if known:
        log.warning("What was trained is the release %s itself: there is nothing to judge.", release.name)
    # The name of what a refresh works with is `release`: this one only waits.
    return {
        "candidate": release.name,
        "beside": arguments.candidate_beside,
        "new": not known,
        "files": release.files,
        "record": releases.address(lake, release.name),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.release", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the release's folder into")
    parser.add_argument(
        "--adaptor",
        type=Path,
        help="folder of a trained adaptor, or of a release whose adaptor is kept (default: for the text form alone)",
    )
    parser.add_argument(
        "--experts",
        type=Path,
        help="folder of tuned experts, or of a release whose experts are kept (default: the language model as it is)",
    )
    parser.add_argument(
        "--explainer",
        type=Path,
        help="folder of a tuned explainer, or of a release whose explainer is kept (default: captions by the language "
        "model as it is)",
    )
    parser.add_argument(
        "--candidate-beside",
        metavar="RELEASE",
        help="a release of the lake, whose adaptor and explainer are kept without --adaptor and --explainer; the new "
        "one is put on the lake too "
        "(default: neither)",
    )
    parser.add_argument("--lake", help="address of the lake, with --candidate-beside (default: the setting)")
    run_command(main, parser)
