"""Train the entity adaptor: ``python -m model_steps.train_adaptor [--day D] [--out FOLDER]``.

The language model stays frozen. The start is a closed-form fit; then both task families of PAPER 1.2 are trained
under one cross-entropy: questions about single entities, and the model's own full-text answers to hybrid prompts. Only
users and entities of the train split take part. A killed run goes on where it was; what was trained already is not
trained again.

Leaves ``adaptor.safetensors`` with its record ``adaptor.json``, ``closed_form.safetensors``, and
``references.safetensors`` (what the catalog looked like) in the folder.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation.leaks import population_digest
from lake.delta import tables
from lake.registry.evaluation_file import read_rule
from lake.registry.releases import ADAPTOR, CLOSED_FORM, NAME_DIGITS, REFERENCES, file_digest
from lake.registry.splits import SplitRule, next_day
from lake.store.location import Lake
from model_steps.agents import planner
from model_steps.agents.prompt_files import WRITTEN, files_digest
from model_steps.embedding.embedder import Embedder
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.model_digest import model_digest
from model_steps.engine.vllm_engine import engine_name
from model_steps.training.picture import write_picture
from model_steps.training.record import RECORD, made_folder, read_trained
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import CommandError, DataError, UsageError
from runtime.fingerprint import bytes_digest, digest
from schemas import contexts
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

# Steps over which the record's losses are averaged.
WINDOW = 50


def train_adaptor(lake: Lake, day: str | None, out: Path | None, settings: Settings) -> dict[str, Any]:
    """Train on a lake's entities and users, unless that was done; returns the record.

    Args:
        day: whose contexts are learnt from; none: the newest training day.
        out: folder of the training; none: one below the settings' folder, named after what decides about the result.

    Raises:
        UsageError: the folder cannot be one, or the log has no training day.
        SourceMissing: contexts or vectors are missing. DataError: the folder holds another training's state.
    """
    # Imported late: torch reads its threads from the environment that main has prepared.
    import torch

    from model_steps.training import alignment, catalog, closed_form, examples, loop, recipe
    from model_steps.training.frozen_model import FrozenModel
    from model_steps.training.prompts import tag_prediction

    dtype = processor.resolve(settings.adaptor.dtype, settings.engine.model)
    rule, chosen = read_rule(settings.source), settings.adaptor.model_copy(update={"dtype": dtype})
    day = newest_day(rule, settings) if day is None else day
    embedder, chat = Embedder(settings.embedder.model), Chat(settings.engine.model)
    closed_form.refuse_too_few(chosen.hidden, embedder.dimensions)
    known = catalog.read_catalog(lake, embedder.name)
    users = catalog.train_users(lake, day, settings, rule)
    rows = known.rows(rule, "train")
    log.info("%d of %d entities and %d users are learnt from.", len(rows), len(known.described), len(users))
    record: dict[str, Any] = {
        "day": day,
        # No later moment is learnt from: histories end with their day, and no outcome is read.
        "trained_until": next_day(day),
        "population": population_digest(lake, day),
        "users": len(users),
        "users_digest": digest(users),
        "entities": len(rows),
        "entities_digest": digest([known.described[row].entity_id for row in rows]),
        "settings": chosen.model_dump(exclude={"folder"}),
        "registry": rule.digest,
    }
    model = model_digest(settings.engine.model)
    # The targets are what a planner writes, so prompts of the other way of asking do not matter.
    planners = files_digest(WRITTEN[planner.ROLE])
    # All that decides about the targets names their file, so none of another question is ever used.
    asked = {name: record[name] for name in ("day", "users_digest", "entities_digest")}
    asked |= {
        "model": model,
        "embedder": embedder.name,
        "prompts": [planners, tag_prediction(alignment.TAGS)],
    }
    asked |= {"inference": settings.inference.model_dump(), "tokens": chosen.alignment_tokens}
    asked |= {"engine": engine_name(settings.engine), "contexts": tables.partition_digest(lake, contexts.TABLE, day)}
    shown = [bytes_digest(known.embeddings.tobytes()), digest([asdict(one) for one in known.described])]
    known_as = digest({**record, **asked, "catalog": shown})
    folder = made_folder(chosen.folder / known_as[:NAME_DIGITS] if out is None else out)
    told = {"folder": str(folder), "model": model, "embedder": embedder.name}
    if (ended := finished(folder, known_as)) is not None:
        log.info("Trained already, in %s.", folder)
        return {**ended, **told, "reused": True}
    targets = folder / f"alignment-{digest(asked)}.jsonl"
    if users and not targets.is_file():
        recipe.write_targets(targets, lake, day, users, known, settings, rule, embedder, chat)
    aligned = examples.read(targets) if users else []
    record["alignment"] = {
        "examples": len(aligned),
        "digest": bytes_digest(targets.read_bytes()) if users else None,
        "prompts": planners,
    }
    frozen = FrozenModel(settings.engine.model, dtype)
    before = frozen.digest()
    start = recipe.closed_form_start(known, rows, frozen, chat, chosen, embedder.name, model)
    (folder / CLOSED_FORM).write_bytes(start.save())
    families = [
        recipe.question_family(known, rows, frozen, chat, chosen),
        *(
            recipe.alignment_family(name, aligned, a_step, known, frozen, chat)
            for name, a_step in (
                (alignment.INTEREST_MINING, chosen.interest_mining),
                (alignment.TAG_PREDICTION, chosen.tag_prediction),
            )
        ),
    ]
    taking_part = [family for family in families if family.a_step]
    if chosen.steps and not taking_part:
        raise UsageError("All parts of the adaptor's mix are empty: raise INTENTFLOW_ADAPTOR__QUESTIONS.")
    embeddings = torch.from_numpy(known.embeddings)
    work = digest({**record, "model": model, "embedder": embedder.name})
    trained, losses = loop.train(start, embeddings, taking_part, frozen, chosen, folder, work)
    if frozen.digest() != before:
        raise CommandError("Training changed the language model, which must stay frozen: this is a mistake of ours.")
    atomic.write(folder / ADAPTOR, trained.save())
    record["adaptor"] = file_digest((folder / ADAPTOR).read_bytes())
    record |= write_picture(folder / REFERENCES, known, rule)
    record["losses"] = _averages(losses)
    record["moved"] = round(recipe.moved(start, trained, known.embeddings), 4)
    record["work"] = known_as
    atomic.write(folder / RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return {**record, **told, "reused": False}


def newest_day(rule: SplitRule, settings: Settings) -> str:
    """The newest training day that the split allows.

    Raises:
        UsageError: there is none.
    """
    days = rule.training_days(settings.source.first_day.isoformat())
    if not days:
        raise UsageError(
            f"No day has a history of {rule.history_days} days and outcomes that end by {rule.trained_until}, from "
            "when on nothing may be learnt: name a day with --day, or freeze later evaluation days."
        )
    return days[0]


def finished(folder: Path, work: str) -> dict[str, Any] | None:
    """The record of a training that ended in a folder, if it is this one and its adaptor is whole."""
    try:
        _, found = read_trained(folder)
    except (UsageError, DataError):
        return None
    return found if found.get("work") == work else None


def _averages(losses: list[dict[str, float]]) -> list[dict[str, float]]:
    """Mean loss by family over each so many steps."""
    found = []
    for start in range(0, len(losses), WINDOW):
        some = losses[start : start + WINDOW]
        names = [name for name in some[0] if name != "step"]
        means = {name: round(sum(one[name] for one in some) / len(some), 4) for name in names}
        found.append({"until_step": start + len(some), **means})
    return found


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    return train_adaptor(Lake.open(arguments.lake or settings.lake.uri), arguments.day, arguments.out, settings)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.train_adaptor", description=__doc__)
    parser.add_argument(
        "--day", type=day_argument, help="whose contexts are learnt from (default: newest training day)"
    )
    parser.add_argument(
        "--out", type=Path, help="folder of the adaptor, its record and its state (default: one of its own)"
    )
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
