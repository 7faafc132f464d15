"""Reinforce tuned experts: ``python -m model_steps.reinforce_experts --start FOLDER --reward FOLDER`` (PAPER 1.4).

GRPO with constrained reward shaping: the experts draw lists of tags, a list is worth the share of what came true that
it names, and nothing where it fails a constraint (alignment with the judge, diversity, length); lists that are worth
more than their group become more likely. Only users of the train split are learnt from, users of validation choose the
step, and nothing reaches past the split. The language model's weights stay as they are. A killed run goes on where it
was, or is ended there (``--finish``); what was trained already is not trained again. ``--last`` leaves the adapter of
the last step instead of the best one: shapings are compared after equal steps, and one may help at none.

Leaves what ``train_experts`` leaves: ``adapter_model.safetensors``, ``adapter_config.json``, ``references.safetensors``
and the record ``experts.json``; and ``curves.parquet``, one row a step, and ``curves.svg``.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake.registry.evaluation_file import read_rule
from lake.registry.releases import NAME_DIGITS, REFERENCES
from lake.store.location import Lake
from model_steps.agents import arbiter, ranked_expert
from model_steps.agents.prompt_files import role_digest
from model_steps.embedding.embedder import Embedder
from model_steps.engine.adapters import read_adapter
from model_steps.engine.environment import prepare_environment
from model_steps.engine.model_digest import model_digest
from model_steps.training.catalog import read_catalog
from model_steps.training.experts.start import KEPT_OF_A_START, about, finished, read_start
from model_steps.training.picture import write_picture
from model_steps.training.record import EXPERTS_RECORD, TunedExperts, made_folder
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import CommandError
from runtime.fingerprint import digest
from settings import ReinforcementSettings, Settings, load_settings

log = logging.getLogger("intentflow")


def reinforce_experts(
    lake: Lake,
    start: Path,
    reward: Path | None,
    days: Sequence[str],
    out: Path | None,
    settings: Settings,
    finish: bool = False,
    last: bool = False,
) -> dict[str, Any]:
    """Train on a lake's examples, unless that was done; returns the record.

    Args:
        start: folder of tuned experts, or of a release with such.
        reward: folder of a reward model's release; none: alignment is not scored, and its constraint is left out.
        days: training days; none: the newest ones that the split allows, as many as the settings say.
        out: folder of the training; none: one below the settings' folder, named after what decides about the result.
        finish: end a training that was stopped, with the best adapter that it validated.
        last: leave the adapter of the last step, whatever validation says.

    Raises:
        SourceMissing: examples are missing, or what was known of their customers.
        DataError: an example touches the holdout, an adapter is none of ours, or the folder holds another training's
            state.
        UsageError: a folder cannot be one, or start or reward model may know whom this lake holds out.
        ConfigurationError: they are of another language model.
        CommandError: nothing is learnt, or the policy collapsed (``training/reinforcement/canary.py``).
    """
    chosen, rule = settings.reinforcement, read_rule(settings.source)
    begun = read_start(start, lake, rule, settings)
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.lora import ended
    from model_steps.training.lora.adapted import adapted
    from model_steps.training.reinforcement.curves import averages
    from model_steps.training.reinforcement.material import ReinforcementMaterial, read_reward
    from model_steps.training.reinforcement.subject import of_lists
    from model_steps.training.reinforcement.training import train

    model = settings.engine.model
    judge, known = read_reward(reward, lake, rule, settings) if reward is not None else (None, {})
    if judge is None:
        log.warning("No --reward was given: alignment is not scored, and its constraint is left out.")
    material = ReinforcementMaterial.read(lake, rule, days, settings)
    learnt, options = material.material.learnt, material.material.options
    dtype = processor.resolve(chosen.dtype, model)
    record: dict[str, Any] = {
        **about(lake, rule, material.material.days, learnt),
        **_of_start(begun),
        "model": model_digest(model),
        "tags": options.digest,
        "shaping": chosen.shaping,
        "reward": known.get("reward"),
        "settings": {
            **chosen.model_dump(exclude={"folder"}),
            "dtype": dtype,
            "examples": settings.examples.model_dump(),
        },
        "validation_users": len(material.material.validated),
    }
    untils = (record["trained_until"], begun.record["trained_until"], known.get("trained_until") or "")
    record["trained_until"] = max(untils)
    training = digest(record)
    # One training, whichever of its adapters is left.
    record["work"] = digest([training, "last"]) if last else training
    folder = made_folder(chosen.folder / training[:NAME_DIGITS] if out is None else out)
    if (done := finished(folder, record["work"])) is not None:
        log.info("Trained already, in %s.", folder)
        return {**done, "folder": str(folder), "reused": True}
    personas = material.personas()
    log.info("%d of %d personas have outcomes; %d users are validated on.", len(personas.rows), len(learnt),
             len(material.material.validated))  # fmt: skip
    adapter = read_adapter("experts", begun.weights, begun.form, model, str(start))
    tuned = adapted(model, dtype, adapter)
    before = ended.base_digest(tuned.peft)
    scoring = material.scoring(None if judge is None else material.alignment(lake, rule, judge))
    subject = of_lists(personas, scoring, options, material.validation(scoring), chosen)
    found = train(tuned, subject, folder, model, training, finish, last)
    if ended.base_digest(tuned.peft) != before:
        raise CommandError("Training changed the language model, which must stay frozen: this is a mistake of ours.")
    # Experts that stay as they were keep what is known of their shares.
    known_scale = begun.record.get("calibration")
    record |= {
        "personas": len(personas.rows),
        "thresholds": {"begin": found.thresholds.begin, "end": found.thresholds.end},
        "steps": max((int(row["step"]) for row in found.history), default=0),
        "kept_step": found.step,
        "validation": {str(step): dict(row) for step, row in found.validated.items()},
        "groups": averages(found.history),
        "calibration": known_scale if not found.step and known_scale else material.material.calibration(tuned),
        "adapter": ended.save_adapter(tuned.peft, folder),
    }
    record |= write_picture(folder / REFERENCES, read_catalog(lake, Embedder(settings.embedder.model).name), rule)
    atomic.write(folder / EXPERTS_RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return {**record, "folder": str(folder), "reused": False}


def _of_start(begun: TunedExperts) -> dict[str, Any]:
    """What a record takes over from the experts that are reinforced."""
    if arbiter.ROLE in begun.roles:
        log.warning("The experts answer for the arbiter too, which reinforcement neither teaches nor measures.")
    return {
        "roles": begun.roles,
        "prompts": {role: role_digest(role) for role in begun.roles} | {
            ranked_expert.ROLE: role_digest(ranked_expert.ROLE)
        },
        "reinforced_from": {name: begun.record.get(name) for name in KEPT_OF_A_START},
    }  # fmt: skip


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    chosen = settings.reinforcement
    if arguments.preset is not None:
        chosen = chosen.of_preset(arguments.preset)
    flags = {"shaping": arguments.shaping, "days": arguments.newest}
    given = {name: value for name, value in flags.items() if value is not None}
    chosen = ReinforcementSettings(**{**chosen.model_dump(), **given})
    settings = settings.model_copy(update={"reinforcement": chosen})
    lake = Lake.open(arguments.lake or settings.lake.uri)
    days = tuple(arguments.day or ())
    ended = {"finish": arguments.finish, "last": arguments.last}
    return reinforce_experts(lake, arguments.start, arguments.reward, days, arguments.out, settings, **ended)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.reinforce_experts", description=__doc__)
    parser.add_argument(
        "--start", type=Path, required=True, help="folder of tuned experts, or of a release with such, to go on from"
    )
    parser.add_argument(
        "--reward", type=Path, help="folder of a reward model's release (default: alignment is not scored)"
    )
    parser.add_argument(
        "--out", type=Path, help="folder of the adapter, its record and its state (default: one of its own, by setting)"
    )
    parser.add_argument(
        "--day", type=day_argument, action="append", help="a training day, repeatable (default: newest)"
    )
    parser.add_argument("--newest", type=int, help="without --day: how many days (default: the setting)")
    parser.add_argument(
        "--shaping", choices=("crs", "sum"), help="how rewards become one (default: INTENTFLOW_REINFORCEMENT__SHAPING)"
    )
    parser.add_argument(
        "--preset",
        choices=("tiny", "small", "paper"),
        help="sizes; what INTENTFLOW_REINFORCEMENT__... sets stays (default: small)",
    )
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--finish", action="store_true", help="end a stopped training with the best that it validated")
    parser.add_argument("--last", action="store_true", help="leave the adapter of the last step, not of the best one")
    run_command(main, parser)
