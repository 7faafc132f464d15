"""Tune a judge: ``python -m model_steps.train_judge [--day D ...] [--out FOLDER] [--releases FOLDER]`` (PAPER 2.3).

A LoRA adapter learns to grade what the table ``judge_labels`` says of train users, in the dimensions that are no rules,
and the one-shot rival's tiers beside it. Before it, counting is learnt from the same labels: a regression whose chance
the judge is told. Only users of the train split are learnt from, users of validation stop training, and no outcome
reaches past the split. The language model's weights stay as they are. A killed run goes on where it was; what was
trained already is not trained again, and nothing is trained where a judge that is named (``--keep``) may be used.

Leaves the adapter, ``counting.json`` and the record ``judge.json`` in its folder, and the judge's release.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.leaks import refuse_known, rollups_digest
from lake.registry.evaluation_file import read_rule
from lake.registry.releases import JUDGE, NAME_DIGITS, file_digest
from lake.registry.splits import add_days, next_day
from lake.store.location import Lake
from model_steps.embedding.embedder import Embedder
from model_steps.engine.adapters import FORM, WEIGHTS, clean_form
from model_steps.engine.environment import prepare_environment
from model_steps.engine.model_digest import model_digest
from model_steps.judge import judge_release
from model_steps.judge.counting import FILE
from model_steps.judge.prompt_files import ONE_SHOT, ROLE, role_digest
from model_steps.training.record import made_folder
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import CommandError, DataError, UsageError
from runtime.fingerprint import bytes_digest, digest
from settings import ROOT, Settings, load_settings

log = logging.getLogger("intentflow")

RECORD = f"{JUDGE}.json"
RELEASES = ROOT / "var/releases"


def train_judge(
    lake: Lake,
    days: Sequence[str],
    out: Path | None,
    folder_of_releases: Path,
    settings: Settings,
    finish: bool = False,
) -> dict[str, Any]:
    """Tune on a lake's labels, unless that was done; returns the record with the folder and the judge's release.

    Args:
        days: training days; none: all that have labels.
        out: folder of the training; none: one below the settings' folder, named after what decides about the result.
        folder_of_releases: where the release's folder goes.
        finish: end a training that was stopped, with the best adapter that it validated.

    Raises:
        As ``Material.read``; DataError: the folder holds another training's state. UsageError: it cannot be one.
    """
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.judge.course import JudgeCourse
    from model_steps.training.judge.material import Material
    from model_steps.training.lora import ended, loop
    from model_steps.training.lora.tuned_model import TunedModel

    chosen, rule = settings.judge_training, read_rule(settings.source)
    material = Material.read(lake, rule, days, settings)
    dtype = processor.resolve(chosen.dtype, settings.engine.model)
    roles = (ROLE, ONE_SHOT) if chosen.one_shot else (ROLE,)
    learnt = [row for row in material.rows if row["split"] == "train"]
    of_days = sorted({row["day"] for row in material.rows})
    record: dict[str, Any] = {
        "day": max(of_days),
        "days": of_days,
        "trained_until": add_days(next_day(max(of_days)), settings.judge_labels.outcome_days),
        "population": {day: rollups_digest(lake, day) for day in of_days},
        "registry": rule.digest,
        "users": len({row["user_id"] for row in learnt}),
        "users_digest": digest(sorted({row["user_id"] for row in learnt})),
        "labels": len(learnt),
        "labels_digest": material.digest,
        "model": model_digest(settings.engine.model),
        "embedder": Embedder(settings.embedder.model).name,
        "roles": list(roles),
        "prompts": {role: role_digest(role) for role in roles},
        "asked": list(material.asked),
        "settings": {
            **chosen.model_dump(exclude={"folder"}),
            "dtype": dtype,
            "shown": settings.judge.model_dump(include=set(SHOWN)),
        },
        "counting": bytes_digest(material.counting.content()),
    }
    record["work"] = digest(record)
    folder = made_folder(chosen.folder / record["work"][:NAME_DIGITS] if out is None else out)
    known = _finished(folder, record["work"])
    if known is not None:
        log.info("Trained already, in %s.", folder)
        return {**known, **_released(folder, known, material, folder_of_releases), "reused": True}
    groups = material.groups()
    log.info("%d customers to learn from, on %s.", len(groups), ", ".join(of_days))
    model = TunedModel(settings.engine.model, dtype, chosen)
    before = ended.base_digest(model.peft)
    course = JudgeCourse(groups, chosen.batch, chosen)
    history = loop.train(model, course, material.validation(model), chosen, folder, record["work"], finish)
    if ended.base_digest(model.peft) != before:
        raise CommandError("Training changed the language model, which must stay frozen: this is a mistake of ours.")
    record["losses"] = ended.averages(history, course.names)
    record["validation"] = {int(row["step"]) + 1: row[loop.DECIDES] for row in history if loop.DECIDES in row}
    record["adapter"] = ended.save_adapter(model.peft, folder)
    atomic.write(folder / FILE, material.counting.content())
    atomic.write(folder / RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return {**record, **_released(folder, record, material, folder_of_releases), "reused": False}


def kept_judge(lake: Lake, named: str, settings: Settings) -> dict[str, Any] | None:
    """A judge that was tuned before, when it may be asked about this lake's users; else None, and the log says why.

    Args:
        named: a judge's release, by its folder or by its name on the lake.
    """
    rule = read_rule(settings.source)
    try:
        judge = judge_release.choose_judge(lake, named, settings.engine.model)
        refuse_known(f"The judge {judge.name}", judge.record, lake, rule, min(rule.days))
    except (UsageError, DataError) as error:
        log.info("A judge is tuned here, for %s cannot be kept: %s", named, error)
        return None
    log.info("The judge %s is kept: it knows nobody whom this lake holds out.", judge.name)
    return {"judge": judge.name, "release_folder": named, "kept": True, "reused": True}


# What of the judge's settings shapes a prompt, or which questions there are.
SHOWN = ("threshold", "rules", "evidence_tokens", "nearest", "catalog_texts", "expected", "outcome_days")


def _finished(folder: Path, work: str) -> dict[str, Any] | None:
    """The record of a training that ended in a folder, if it is this one and its adapter is whole."""
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text())
        whole = record["adapter"] == file_digest((folder / WEIGHTS).read_bytes())
    except (OSError, ValueError, KeyError):
        return None
    return record if record.get("work") == work and whole else None


def _released(folder: Path, record: dict[str, Any], material: Any, releases: Path) -> dict[str, str]:
    """Make the release of a training that ended; names it, and both folders."""
    form = clean_form((folder / FORM).read_bytes(), str(folder / FORM))
    place = judge_release.make(releases, (folder / WEIGHTS).read_bytes(), form, material.counting, record)
    return {"folder": str(folder), "judge": place.name, "release_folder": str(place)}


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake or settings.lake.uri)
    days = tuple(sorted(set(arguments.day or ())))
    if arguments.keep is not None and (kept := kept_judge(lake, arguments.keep, settings)) is not None:
        return kept
    return train_judge(lake, days, arguments.out, arguments.releases, settings, arguments.finish)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.train_judge", description=__doc__)
    parser.add_argument("--day", type=day_argument, action="append", help="a training day, repeatable (default: all)")
    parser.add_argument("--out", type=Path, help="folder of the training (default: one of its own, by setting)")
    parser.add_argument(
        "--releases", type=Path, default=RELEASES, help="where the release goes (default: var/releases)"
    )
    parser.add_argument(
        "--keep",
        metavar="JUDGE",
        help="a judge's release, by folder or by name on the lake, that is taken where it knows nobody whom this lake "
        "holds out (default: none)",
    )
    parser.add_argument("--finish", action="store_true", help="end a stopped training with the best that it validated")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
