"""Try a release before its gate: ``python -m model_steps.check_release --release NAME --day D [--lake URI]``.

Does it load in the engine, answer known prompts in every role, within which time and memory, and does it belong to this
lake's prompts, embedder, model and catalog? What is found is a record on the lake, good or bad: the gate reads it.
"""

from __future__ import annotations

import argparse
import logging
import resource
import time
from collections.abc import Mapping
from typing import Any, get_args

from lake.registry import release_checks, releases
from lake.registry.champions import now
from lake.registry.release_checks import ReleaseCheck
from lake.registry.releases import EXPERTS_REFERENCES, REFERENCES, Release
from lake.store.location import Lake
from model_steps.agents import inputs
from model_steps.embedding import references
from model_steps.embedding.embedder import Embedder
from model_steps.engine.asking import Request
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.options import Options
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.serving.experts import adapters_of
from model_steps.serving.form import item_sample
from model_steps.serving.here import here, made_for
from model_steps.serving.known_prompts import is_whole, known_prompts
from representation.evidence import category_label
from runtime.entry import day_argument, run_command
from runtime.processor import NumberType
from settings import Settings, load_settings

log = logging.getLogger("intentflow")


def check_release(
    lake: Lake, name: str, day: str, settings: Settings, start: StartsModel | None = None
) -> dict[str, Any]:
    """Try a release and keep the record; returns the manifest.

    Args:
        name: of a release on the lake.
        day: a day with contexts, whose items are compared with what the release was trained on.
        start: gives the model (default: the engine of the settings, with the release's adapters).

    Raises:
        DataError: the release is not on the lake, or was changed.
        SourceMissing: the day has no contexts, or its entities are not embedded.
        ConfigurationError: there is no model or no embedder.
    """
    release, files = releases.read(lake, name)
    parts = here(lake, settings, release)
    near = _near(lake, release, files, day, settings)
    requests = _prompts(lake, release, settings)
    problem, answered, load_seconds, answer_seconds = "", 0, 0.0, 0.0
    began = time.monotonic()
    try:
        start = start or LazyEngine(settings.engine, adapters_of(release, files, settings.engine.model))
        model = start(None)
        load_seconds = time.monotonic() - began
        asked = time.monotonic()
        answers = model.generate(requests)
        answer_seconds = time.monotonic() - asked
        answered = sum(is_whole(answer, _options(request)) for answer, request in zip(answers, requests, strict=True))
        loaded = True
    except Exception as error:  # Whatever it is: it would be so on the first night, too.
        log.warning("%s cannot be used: %s", name, error)
        problem, loaded = f"{type(error).__name__}: {error}"[:500], False
    check = ReleaseCheck(
        release=name,
        at=now(),
        day=day,
        loaded=loaded,
        problem=problem,
        made_for=made_for(release),
        here=parts,
        catalog_near=near,
        prompts=len(requests),
        answered=answered,
        load_seconds=round(load_seconds, 1),
        answer_seconds=round(answer_seconds, 1),
        # Linux counts in KiB.
        memory_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    )
    return {"record": release_checks.put(lake, check), **vars(check)}


def _options(request: Request) -> Options:
    assert request.options is not None
    return request.options


def _prompts(lake: Lake, release: Release, settings: Settings) -> list[Request]:
    chat = Chat(settings.engine.model)
    categories = inputs.read_categories(lake, Embedder(settings.embedder.model).name)
    labels = [category_label(text) for text in categories.texts]
    roles = sorted(release.prompts)
    return known_prompts(labels, roles, settings.gate.known_prompts, chat.render, chat.count, chat.answer_tokens)


def _near(lake: Lake, release: Release, files: Mapping[str, bytes], day: str, settings: Settings) -> float | None:
    """The share of the day's items near to what the release was trained on: the smaller one where it says two."""
    embedder = Embedder(settings.embedder.model)
    pictures = [file for file in (REFERENCES, EXPERTS_REFERENCES) if file in files]
    if not pictures:
        return None
    items = item_sample(lake, day, embedder.name)
    known = [references.load(files[file], embedder.dimensions, f"{release.name}/{file}") for file in pictures]
    return round(min(each.share_near(items) for each in known), 4)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    if arguments.dtype:
        engine = settings.engine.model_copy(update={"dtype": arguments.dtype})
        settings = settings.model_copy(update={"engine": engine})
    return check_release(Lake.open(arguments.lake or settings.lake.uri), arguments.release, arguments.day, settings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.check_release", description=__doc__)
    parser.add_argument("--release", required=True, help="name of a release on the lake")
    parser.add_argument("--day", type=day_argument, required=True, help="a day with contexts")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--dtype", choices=get_args(NumberType), help="the engine's number type (default: the setting)")
    run_command(main, parser)
