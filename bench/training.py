"""What a training step costs beside TRL's: ``python -m bench.training [--steps 6] [--rounds 2] [--part sft|grpo]``.

Seconds and peak memory of an SFT step and of a GRPO step, and of TRL used plainly: the same model and adapter, number
type, optimizer, batch, G and prompts, and as many tokens. Each side is a process of its own, for its memory; sides take
turns, so that what else the machine does meets both. ``bench/trainers`` says what is the same and what is not.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.lakes.steps import FOLDER, run_and_publish, run_step
from lake.registry.evaluation_file import read_rule
from lake.store.location import Lake
from model_steps.engine.environment import prepare_environment
from model_steps.training.record import read_experts
from runtime import processor
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.progress import Progress
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

# By part: our side, TRL's with the same tokens, and of SFT TRL's with the same examples as its users write them.
SIDES: Mapping[str, tuple[str, ...]] = {
    "sft": ("sft_ours", "sft_trl", "sft_trl_written"),
    "grpo": ("grpo_ours", "grpo_trl"),
}
PROMPTS = "prompts.json"
FEWEST_STEPS = 2


def measure_side(side: str, arguments: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """One side in this process; returns its figures.

    Raises:
        SourceMissing: the lake has no examples of the day. As the sides.
    """
    # Imported late: torch reads its threads from the environment that main has prepared.
    from transformers import AutoTokenizer

    from bench.trainers import sft, taught_steps
    from model_steps.training.lora.tuned_model import TunedModel

    rule, lake = read_rule(settings.source), Lake.open(arguments.lake)
    chosen, folder = settings.experts, settings.engine.model
    model = TunedModel(folder, processor.resolve(chosen.dtype, folder), chosen)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    day = arguments.day or rule.training_days(settings.source.first_day.isoformat())[0]
    if side in SIDES["sft"]:
        steps = taught_steps.read(lake, rule, day, arguments.steps, settings)
        if side == "sft_ours":
            return sft.ours(model, steps, chosen)
        if side == "sft_trl":
            return sft.plain(model, taught_steps.flat_rows(steps), chosen.batch, tokenizer, chosen)
        together = max(len(lesson.written) for step in steps for lesson in step) * chosen.batch
        return sft.plain(model, taught_steps.written_rows(steps), together, tokenizer, chosen)
    from bench.trainers import grpo

    few = grpo.chosen(settings, arguments.steps, arguments.personas, arguments.tags)
    model.start_from(read_experts(arguments.start or settings.lake.first_release).weights, "the release")
    if side == "grpo_ours":
        return grpo.keep_prompts(arguments.work / PROMPTS, grpo.ours(model, lake, rule, day, few))
    prompts = [str(tokenizer.decode(each)) for each in json.loads((arguments.work / PROMPTS).read_text())]
    return grpo.plain(model, prompts, arguments.completion_tokens, tokenizer, few.reinforcement)


def ratio(rounds: Sequence[Mapping[str, Mapping[str, Any]]], ours: str, other: str, figure: str) -> dict[str, float]:
    """The median over rounds of our figure, of the other side's in the same round; with the least and the most."""
    found = sorted(float(one[ours][figure]) / float(one[other][figure]) for one in rounds)
    return {name: round(value, 4) for name, value in (("value", median(found)), ("low", found[0]), ("high", found[-1]))}


def summary(rounds: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The ratios of the parts that were measured, in seconds, in processor time and in memory."""
    figures: dict[str, Any] = {}
    for part, (ours, *others) in SIDES.items():
        for other in (each for each in others if all(ours in one and each in one for one in rounds)):
            name = f"{part}_step_ratio" + other.removeprefix(f"{part}_trl")
            figures[name] = ratio(rounds, ours, other, "seconds_a_step")["value"]
            figures[f"{name}_of_rounds"] = ratio(rounds, ours, other, "seconds_a_step")
            figures[name.replace("step", "cpu")] = ratio(rounds, ours, other, "cpu_seconds_a_step")["value"]
            figures[name.replace("step", "memory")] = ratio(rounds, ours, other, "peak_mib")["value"]
    return figures


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    if arguments.steps < FEWEST_STEPS or min(arguments.rounds, arguments.personas) < 1 or arguments.tags < 2:
        raise UsageError(
            f"--steps is at least {FEWEST_STEPS} (the first is not counted), --rounds and --personas at least 1, "
            "--tags at least 2."
        )
    prepare_environment(settings.engine)
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.side:
        return measure_side(arguments.side, arguments, settings)
    day = arguments.day or read_rule(settings.source).training_days(settings.source.first_day.isoformat())[0]
    run_and_publish(Lake.open(arguments.lake), "spark_jobs.examples", "--day", day)
    parts = [arguments.part] if arguments.part else list(SIDES)
    given = ["--day", day, "--lake", arguments.lake, "--work", str(arguments.work), "--steps", str(arguments.steps)]
    given += ["--personas", str(arguments.personas), "--tags", str(arguments.tags)]
    given += ["--start", str(arguments.start)] if arguments.start else []
    sides = [side for part in parts for side in SIDES[part]]
    rounds: list[dict[str, Any]] = []
    progress = Progress(arguments.rounds * len(sides), "sides", every_seconds=0)
    for _ in range(arguments.rounds):
        found: dict[str, Any] = {}
        for side in sides:
            if side == "grpo_trl":
                # As many tokens as a list of ours had.
                more = ["--completion-tokens", str(round(found["grpo_ours"]["completion_tokens"]))]
            else:
                more = []
            found[side] = dict(run_step("bench.training", "--side", side, *given, *more))
            progress.advance(1, f"{side}: {found[side]['seconds_a_step']:.2f} s a step")
        rounds.append(found)
    return {
        **summary(rounds),
        "rounds": rounds,
        "day": day,
        "dtype": processor.resolve(settings.experts.dtype, settings.engine.model),
        "threads": settings.engine.threads,
        "customers_a_step": settings.experts.batch,
        "personas_a_step": arguments.personas,
        "generations": settings.reinforcement.generations if "grpo" in parts else None,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.training", description=__doc__)
    parser.add_argument("--steps", type=int, default=6, help="steps of each side; the first is not counted (6)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each side has its turn (default: 2)")
    parser.add_argument("--part", choices=sorted(SIDES), help="one part alone (default: both)")
    parser.add_argument("--personas", type=int, default=2, help="GRPO: prompts a step (default: 2)")
    parser.add_argument("--tags", type=int, default=5, help="GRPO: tags of a list (default: 5)")
    parser.add_argument("--start", type=Path, help="GRPO: release or training with experts (default: the shipped one)")
    parser.add_argument("--day", type=day_argument, help="a training day (default: the newest)")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake with log and examples (var/bench/lake)")
    parser.add_argument("--work", type=Path, default=FOLDER / "training", help="folder between the sides")
    parser.add_argument("--side", choices=[side for sides in SIDES.values() for side in sides], help=argparse.SUPPRESS)
    parser.add_argument("--completion-tokens", type=int, default=0, help=argparse.SUPPRESS)
    run_command(main, parser)
