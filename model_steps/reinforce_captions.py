"""Reinforce a tuned explainer: ``python -m model_steps.reinforce_captions --start FOLDER`` (PAPER 1.5).

GRPO with R = R_align * 1[R_div >= threshold]: the explainer draws groups of captions for pairs of a train user and an
item; a caption is worth what the caption judge says of it, and nothing where its words are too common among the newest
160 captions. What is worth more than its group becomes more likely. Users of validation choose the step: the most
diverse captions at no lower mean R_align than at the start. Nothing reaches past the split, and the language model's
weights stay as they are. A killed run goes on where it was, or is ended there (``--finish``); what was trained already
is not trained again. ``--last`` leaves the adapter of the last step instead of the best one.

Leaves what ``train_captions`` leaves: ``adapter_model.safetensors``, ``adapter_config.json`` and the record
``explainer.json``; and ``curves.parquet``, one row a step, and ``curves.svg``.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake.registry.evaluation_file import read_rule
from lake.registry.releases import EXPLAINER, NAME_DIGITS
from lake.store.location import Lake
from model_steps.engine.adapters import read_adapter
from model_steps.engine.environment import prepare_environment
from model_steps.training.experts.start import refuse_start
from model_steps.training.record import EXPLAINER_RECORD, made_folder, read_explainer
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import CommandError
from runtime.fingerprint import digest
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

# What a record says of the explainer that is reinforced.
KEPT_OF_A_START = ("adapter", "days", "pairs", "captions_digest", "trained_until", "users_digest")


def reinforce_captions(
    lake: Lake,
    start: Path,
    days: Sequence[str],
    out: Path | None,
    settings: Settings,
    finish: bool = False,
    last: bool = False,
) -> dict[str, Any]:
    """Train on a lake's pairs, unless that was done; returns the record.

    Args:
        start: folder of a tuned explainer, or of a release with one.
        days: training days; none: the newest one that the split allows.
        out: folder of the training; none: one below the settings' folder, named after what decides about the result.
        finish: end a training that was stopped, with the best adapter that it validated.
        last: leave the adapter of the last step, whatever validation says.

    Raises:
        SourceMissing: examples, catalog or caption judge are missing.
        DataError: an example touches the holdout, an adapter is none of ours, or the folder holds another training's
            state.
        UsageError: a folder cannot be one, or the start may know whom this lake holds out.
        ConfigurationError: it is of another language model.
        CommandError: nothing is learnt (``training/reinforcement/canary.py``).
    """
    chosen, rule = settings.caption_reinforcement, read_rule(settings.source)
    begun = read_explainer(start)
    refuse_start("explainer's weights", start, begun.record, lake, rule, settings)
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.captions.about import about, finished
    from model_steps.training.captions.material import CaptionMaterial, Sizes
    from model_steps.training.captions.reinforcing import subject_of
    from model_steps.training.lora import ended
    from model_steps.training.lora.adapted import adapted
    from model_steps.training.reinforcement.curves import averages
    from model_steps.training.reinforcement.training import train

    model = settings.engine.model
    sizes = Sizes(chosen.known_pairs, chosen.validation_items, chosen.readers, chosen.seed)
    material = CaptionMaterial.read(lake, rule, days, sizes, settings)
    dtype = processor.resolve(chosen.dtype, model)
    record: dict[str, Any] = {
        **about(lake, rule, material),
        "reinforced_from": {name: begun.record.get(name) for name in KEPT_OF_A_START},
        "shaping": chosen.shaping,
        "settings": {**chosen.model_dump(mode="json", exclude={"folder"}), "dtype": dtype},
    }
    record["trained_until"] = max(record["trained_until"], begun.record["trained_until"])
    training = digest(record)
    # One training, whichever of its adapters is left.
    record["work"] = digest([training, "last"]) if last else training
    folder = made_folder(chosen.folder / training[:NAME_DIGITS] if out is None else out)
    if (done := finished(folder, record["work"])) is not None:
        log.info("Trained already, in %s.", folder)
        return {**done, "folder": str(folder), "reused": True}
    log.info("%d pairs of %d users; %d pairs are validated on.", record["pairs"], record["users"],
             record["validation_pairs"])  # fmt: skip
    tuned = adapted(model, dtype, read_adapter(EXPLAINER, begun.weights, begun.form, model, str(start)))
    before = ended.base_digest(tuned.peft)
    found = train(tuned, subject_of(material, chosen), folder, model, training, finish, last)
    if ended.base_digest(tuned.peft) != before:
        raise CommandError("Training changed the language model, which must stay frozen: this is a mistake of ours.")
    record |= {
        "thresholds": {"begin": found.thresholds.begin, "end": found.thresholds.end},
        "steps": max((int(row["step"]) for row in found.history), default=0),
        "kept_step": found.step,
        "validation": {str(step): dict(row) for step, row in found.validated.items()},
        "groups": averages(found.history),
        "adapter": ended.save_adapter(tuned.peft, folder),
    }
    atomic.write(folder / EXPLAINER_RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return {**record, "folder": str(folder), "reused": False}


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    chosen = settings.caption_reinforcement
    if arguments.preset is not None:
        settings = settings.model_copy(update={"caption_reinforcement": chosen.of_preset(arguments.preset)})
    lake = Lake.open(arguments.lake or settings.lake.uri)
    ended = {"finish": arguments.finish, "last": arguments.last}
    return reinforce_captions(lake, arguments.start, tuple(arguments.day or ()), arguments.out, settings, **ended)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.reinforce_captions", description=__doc__)
    parser.add_argument(
        "--start", type=Path, required=True, help="folder of a tuned explainer, or of a release with one, to go on from"
    )
    parser.add_argument(
        "--out", type=Path, help="folder of the adapter, its record and its state (default: one of its own, by setting)"
    )
    parser.add_argument(
        "--day", type=day_argument, action="append", help="a training day with contexts, repeatable (default: newest)"
    )
    parser.add_argument(
        "--preset",
        choices=("tiny", "small", "paper"),
        help="sizes; what INTENTFLOW_CAPTION_REINFORCEMENT__... sets stays (default: small)",
    )
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--finish", action="store_true", help="end a stopped training with the best that it validated")
    parser.add_argument("--last", action="store_true", help="leave the adapter of the last step, not of the best one")
    run_command(main, parser)
