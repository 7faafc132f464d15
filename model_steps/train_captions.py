"""Fine-tune the explainer on judged captions: ``python -m model_steps.train_captions [--out FOLDER]`` (PAPER 1.5).

A LoRA adapter learns from pairs of a train user and an item which of the captions that it may choose from are good: all
that keep the rules and of which the caption judge finds no dimension negative, each as likely as the others. Captions
that are judged bad lose their share. The language model's weights stay as they are, users of validation stop training,
and nothing reaches past the split. A killed run goes on where it was, or is ended there (``--finish``); what was
trained already is not trained again.

Leaves ``adapter_model.safetensors``, ``adapter_config.json`` and the record ``explainer.json`` in the folder.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake.registry.evaluation_file import read_rule
from lake.registry.releases import NAME_DIGITS
from lake.store.location import Lake
from model_steps.engine.environment import prepare_environment
from model_steps.training.record import EXPLAINER_RECORD, made_folder
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import CommandError
from runtime.fingerprint import digest
from settings import Settings, load_settings

log = logging.getLogger("intentflow")


def train_captions(
    lake: Lake, days: Sequence[str], out: Path | None, settings: Settings, finish: bool = False
) -> dict[str, Any]:
    """Train on a lake's pairs, unless that was done; returns the record.

    Args:
        days: training days; none: the newest one that the split allows.
        out: folder of the training; none: one below the settings' folder, named after what decides about the result.
        finish: end a training that was stopped, with the best adapter that it validated.

    Raises:
        SourceMissing: examples, catalog or caption judge are missing.
        DataError: an example touches the holdout, there is nothing to learn, or the folder holds another training's
            state. UsageError: the folder cannot be one.
    """
    chosen, rule = settings.caption_tuning, read_rule(settings.source)
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.captions.about import about, finished
    from model_steps.training.captions.course import CaptionCourse
    from model_steps.training.captions.material import CaptionMaterial, Sizes
    from model_steps.training.lora import ended, loop
    from model_steps.training.lora.tuned_model import TunedModel

    sizes = Sizes(chosen.pairs, chosen.validation_items, chosen.readers, chosen.seed)
    material = CaptionMaterial.read(lake, rule, days, sizes, settings)
    dtype = processor.resolve(chosen.dtype, settings.engine.model)
    record: dict[str, Any] = {
        **about(lake, rule, material),
        "settings": {**chosen.model_dump(mode="json", exclude={"folder"}), "dtype": dtype},
    }
    record["work"] = digest(record)
    folder = made_folder(chosen.folder / record["work"][:NAME_DIGITS] if out is None else out)
    if (known := finished(folder, record["work"])) is not None:
        log.info("Trained already, in %s.", folder)
        return {**known, "folder": str(folder), "reused": True}
    log.info("%d pairs of %d users; %d pairs are validated on.", record["pairs"], record["users"],
             record["validation_pairs"])  # fmt: skip
    model = TunedModel(settings.engine.model, dtype, chosen)
    before = ended.base_digest(model.peft)
    validate = material.validation.of_tuning(model)
    begun = {name: round(value, 4) for name, value in validate().items()}
    log.info("Untuned: %s", begun)
    course = CaptionCourse(material.learnt, chosen)
    history = loop.train(model, course, validate, chosen, folder, record["work"], finish)
    if ended.base_digest(model.peft) != before:
        raise CommandError("Training changed the language model, which must stay frozen: this is a mistake of ours.")
    record["losses"] = ended.averages(history, course.names)
    parts = ("step", loop.GENERAL, *course.names)
    record["validation"] = {"0": begun} | {
        str(int(row["step"]) + 1): {name: value for name, value in row.items() if name not in parts}
        for row in history
        if loop.DECIDES in row
    }
    record["adapter"] = ended.save_adapter(model.peft, folder)
    atomic.write(folder / EXPLAINER_RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return {**record, "folder": str(folder), "reused": False}


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake or settings.lake.uri)
    return train_captions(lake, tuple(arguments.day or ()), arguments.out, settings, arguments.finish)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.train_captions", description=__doc__)
    parser.add_argument(
        "--out", type=Path, help="folder of the adapter, its record and its state (default: one of its own, by setting)"
    )
    parser.add_argument(
        "--day", type=day_argument, action="append", help="a training day with contexts, repeatable (default: newest)"
    )
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--finish", action="store_true", help="end a stopped training with the best that it validated")
    run_command(main, parser)
