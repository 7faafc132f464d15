"""Examine a judge: ``python -m model_steps.calibrate_judge --preset small|full [--judge RELEASE] [--seed N ...]``.

Asks the tuned agent judge and its rivals (the same untuned, and one-shot, tuned and untuned) about labelled outputs of
held-out users, compares them with looking up and counting, attacks the judge, and puts a calibration record: whether it
may judge follows from that (issue 15). The small preset proves the machinery alone, and its record passes no gate.

Answers are kept by what was asked, so a killed exam goes on at its last chunk of users, and the same exam again asks
nothing and puts no second record. Plots lie on the lake, and with ``--out`` beside the record in that folder too.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.leaks import refuse_known
from lake.registry import judge_records
from lake.registry.evaluation_file import read_rule
from lake.registry.judge_records import FULL, SMALL, CalibrationRecord
from lake.registry.judges import PLOTS
from lake.registry.releases import DOCUMENT
from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.engine.vllm_engine import engine_name
from model_steps.judge import shipped
from model_steps.judge.decides import decides
from model_steps.judge.exam import run
from model_steps.judge.exam.asked import AskedInChunks, cost
from model_steps.judge.exam.examiners import ROLES
from model_steps.judge.exam.material import Material
from model_steps.judge.judge_release import Judge, choose_judge
from model_steps.judge.judge_standing import standing_of
from runtime import atomic
from runtime.entry import run_command
from runtime.errors import UsageError
from runtime.fingerprint import code_of
from settings import JudgeSettings, Settings, load_settings

log = logging.getLogger("intentflow")

ENGINE = "model_steps.engine.vllm_engine"


@dataclass(frozen=True)
class Wanted:
    """Which exam is wanted.

    Args:
        preset: ``full`` or ``small``. seeds: of the canaries.
        out: folder that gets record and plots, too. force: also when this exam was taken already.
    """

    preset: str
    seeds: Sequence[int] = (0,)
    out: Path | None = None
    force: bool = False


def calibrate_judge(
    lake: Lake,
    judged_by: Judge,
    wanted: Wanted,
    rule: SplitRule,
    settings: Settings,
    start: StartsModel | None = None,
) -> dict[str, Any]:
    """Examine a judge and put its record; returns the manifest.

    Args:
        judged_by: a tuned judge. rule: who is held out.
        start: gives the model (default: the engine of the settings, started when the first answer is missing).

    Raises:
        As ``Material.read``; UsageError: the judge is untuned, or may know whom this lake holds out and the preset is
        full, or the folder cannot be written.
        InfrastructureError: the engine failed; answers so far are kept.
    """
    if not judged_by.adapters:
        raise UsageError(
            f"{judged_by.name} is the language model as it is, and is examined beside every tuned judge: name a "
            "judge's release with --judge, or tune one with `python -m model_steps.train_judge`."
        )
    if wanted.preset == FULL:
        refuse_known(f"The judge {judged_by.name}", judged_by.record, lake, rule, min(rule.days))
    # Reasons decide nothing and cost most.
    settings = settings.model_copy(update={"judge": settings.judge.model_copy(update={"reasons": False})})
    material = Material.read(lake, rule, wanted.preset, wanted.seeds, settings, judged_by.counting)
    begun = CalibrationRecord(
        judge=judged_by.name,
        decides=decides(settings.judge, judged_by.name),
        data=material.data,
        preset=wanted.preset,
        day=material.day,
        minimum_kappa=settings.judge.minimum_kappa,
        figures={},
    )
    record = None if wanted.force else _same_exam(lake, begun)
    reused = record is not None
    if record is None:
        record = CalibrationRecord(**{**vars(begun), "figures": _figures(lake, judged_by, material, settings, start)})
        judge_records.put(lake, record)
    if wanted.out is not None:
        judge_records.ship(wanted.out, record)
    stands = standing_of(lake, judged_by.name, settings.judge, record.day)
    return {
        **judged_by.manifest(),
        "record": record.name,
        "standing": stands.state,
        "standing_reason": stands.reason,
        "valid_until": record.expires(settings.judge.valid_days),
        "preset": record.preset,
        "day": record.day,
        "decides": record.decides,
        "data": dict(record.data),
        "minimum_kappa": record.minimum_kappa,
        "minimum_kappa_lowered": record.minimum_kappa < JudgeSettings.model_fields["minimum_kappa"].default,
        "reused": reused,
        **record.figures,
        "plots": _plots(lake, record, wanted.out),
    }


def _same_exam(lake: Lake, wanted: CalibrationRecord) -> CalibrationRecord | None:
    """The record of an exam that differs in nothing but what it found; of several the last."""
    known = judge_records.records_of(lake, wanted.judge)
    same = [one for one in known if {**vars(one), "figures": {}} == vars(wanted)]
    return same[-1] if same else None


def _figures(
    lake: Lake, judged_by: Judge, material: Material, settings: Settings, start: StartsModel | None
) -> Mapping[str, Any]:
    starts = start or LazyEngine(settings.engine, judged_by.adapters)
    exam, chosen = material.exam, settings.judge_exam
    engine = f"{engine_name(settings.engine)}/{code_of(ENGINE).digest}"
    users = sorted({one.user_id for one in exam.all})
    cache = AnswerCache(lake, users, material.day, judged_by.name, engine, partial(starts, None))
    ask = AskedInChunks(cache, chosen.chunk_users, lambda: starts.seconds)
    of_model = run.asked_dimensions(settings.judge.rules)
    ask.expect(exam.questions(of_model))
    log.info("%d built and %d real outputs, %d canaries.", len(exam.built), len(exam.real), len(exam.attacked.canaries))
    found = run.examine(exam, material.examiners(ask), partial(log.info, "Now %s."))
    return {**found, "people": material.people, "cost": cost(ask.spent, ROLES, run.questions_of(of_model))}


def _plots(lake: Lake, record: CalibrationRecord, out: Path | None) -> dict[str, str]:
    """Draw a record on the lake, and in a folder where one is given; returns where each plot is, by name."""
    # Imported late: a drawing library is no matter of whoever only reads records.
    from model_steps.judge.exam import plots

    found = {}
    for name, content in plots.drawn(record.figures, record.judge).items():
        place = f"{PLOTS}/{record.judge}/{record.name}/{name}.svg"
        lake.write(place, content)
        found[name] = lake.uri(place)
        if out is not None:
            file = out / judge_records.SHIPPED / f"{record.name}-{name}.svg"
            atomic.write(file, content)
            found[name] = str(file)
    return found


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake or settings.lake.uri)
    named = arguments.judge or (str(settings.judge.release) if settings.judge.release else None)
    if named is not None and (Path(named) / DOCUMENT).is_file():
        named = shipped.give(lake, Path(named))
    judged_by = choose_judge(lake, named, settings.engine.model)
    wanted = Wanted(arguments.preset, tuple(dict.fromkeys(arguments.seed or (0,))), arguments.out, arguments.force)
    return calibrate_judge(lake, judged_by, wanted, read_rule(settings.source), settings)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments, which the benchmark has too."""
    parser.add_argument(
        "--preset", choices=(SMALL, FULL), required=True, help="full; or small, which proves the machinery alone"
    )
    parser.add_argument("--judge", help="folder or name of a judge's release (default: the setting's)")
    parser.add_argument("--lake", help="address of the lake with the labels (default: the setting)")
    parser.add_argument(
        "--seed", type=int, action="append", help="of half of the canaries; repeatable, new ones each time (default: 0)"
    )
    parser.add_argument("--out", type=Path, help="folder that gets the record and the plots too, such as the release's")
    parser.add_argument("--force", action="store_true", help="examine again, though this exam was taken")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.calibrate_judge", description=__doc__)
    add_arguments(parser)
    run_command(main, parser)
