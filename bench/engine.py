"""What the inference step costs beside the bare engine: ``python -m bench.engine [--users 16] [--pairs 4]``.

One process, one started engine. A: the step's work on users, nothing cached (reading the inputs and staging stay
out). B: plain vLLM, given exactly the prompts and sampling that A handed to the engine, in the same dependency waves;
of a ranking, each wave of its steps. Alternating A B A B; medians. The agents are asked as the settings say. Where the
processor multiplies bfloat16 natively, the same prompts run in float32 and bfloat16 as well.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.lakes import landed
from bench.lakes.steps import FOLDER
from evaluation import plots
from lake.registry import releases
from lake.store.location import Lake
from model_steps.agents.eligible import eligible
from model_steps.embedding.adaptor import model_width
from model_steps.embedding.slots import EntitySlots
from model_steps.engine import vllm_engine as engine
from model_steps.engine.adapters import Adapter
from model_steps.engine.asking import Answer, Request
from model_steps.engine.environment import prepare_environment
from model_steps.engine.ranked_steps import Step
from model_steps.engine.sampling import ranking_parameters, sampling_parameters
from model_steps.evaluating.work_lake import copy_inputs
from model_steps.infer import infer
from model_steps.serving.experts import adapters_of
from runtime import processor
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

FEWEST_PAIRS = 4
LABELS = {"step": "inference step", "vllm": "plain vLLM"}
TARGET = 0.95


class Listening(engine.Engine):
    """The engine, which keeps what it hands to vLLM, wave by wave."""

    waves: list[list[Step]]

    def adapter_of(self, step: Step) -> Any:
        """What the step's role is answered with; none: the language model as it is."""
        return self._lora.get(step.request.role)

    def _run(self, steps: Sequence[Step]) -> Any:
        if steps:
            self.waves.append(list(steps))
        return super()._run(steps)


@dataclass
class Recorder:
    """The engine as the step sees it; keeps what was asked, wave by wave, and how long the engine took.

    It is also what ``infer`` starts the model with: the engine runs already, so that costs nothing.
    """

    engine: Listening
    waves: list[list[Step]] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    engine_seconds: float = 0.0
    output_tokens: int = 0
    seconds: float = 0.0

    def __call__(self, slots: EntitySlots | None) -> Recorder:
        self.engine.slots = slots
        return self

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        started = time.monotonic()
        self.engine.waves = self.waves
        answers = self.engine.generate(requests)
        self.engine_seconds += time.monotonic() - started
        self.output_tokens += sum(answer.output_tokens for answer in answers)
        return answers

    def reset_prefix_cache(self) -> None:
        self.resets.append(len(self.waves))
        self.engine.reset_prefix_cache()


@dataclass(frozen=True)
class Pair:
    """One run of the step and one of plain vLLM (seconds, and tokens that were written)."""

    step_seconds: float
    step_engine_seconds: float
    step_tokens: int
    vllm_seconds: float
    vllm_tokens: int

    @property
    def token_rate_ratio(self) -> float:
        """The step's written tokens a second, of plain vLLM's."""
        return (self.step_tokens / self.step_seconds) / (self.vllm_tokens / self.vllm_seconds)


def run_step(lake: Lake, day: str, settings: Settings, users: int, running: Listening) -> tuple[Recorder, float]:
    """A: infer with an empty answer cache; returns what was asked and the seconds of the users' work."""
    for table in ("answers", "intents", "personas", "failures"):
        shutil.rmtree(Path(lake.root) / table, ignore_errors=True)
    recorder = Recorder(running)
    manifest = infer(lake, day, "1/1", settings, users, force=True, start=recorder)
    return recorder, float(manifest["seconds_users"])


def run_plain(running: Listening, recorded: Recorder) -> tuple[float, int]:
    """B: the same prompts through vLLM's own ``generate``; returns seconds and tokens written."""
    waves = [
        (
            [running.prompt_of(step.request, step.path) for step in wave],
            [
                ranking_parameters(step.tokens) if step.tokens else sampling_parameters(step.request.sampling)
                for step in wave
            ],
            [running.adapter_of(step) for step in wave],
        )
        for wave in recorded.waves
    ]
    tokens = 0
    started = time.monotonic()
    for number, (prompts, parameters, adapters) in enumerate(waves):
        if number in recorded.resets:
            running.reset_prefix_cache()
        outputs = running.model.generate(prompts, parameters, use_tqdm=False, lora_request=adapters)
        tokens += sum(len(output.outputs[0].token_ids) for output in outputs)
    return time.monotonic() - started, tokens


def types_side_by_side(
    settings: Settings, running: Listening, recorded: Recorder, adapters: Mapping[str, Adapter]
) -> dict[str, Any]:
    """The same prompts through vLLM in either number type, each in an engine of its own, which is warm.

    Args:
        settings: of the engine, but for its number type.
        running: the engine that answered; it is closed.
        recorded: what it was asked. adapters: by role.
    """
    slots = running.slots
    running.close()
    if processor.cpu_type() != "bfloat16":
        return {"bfloat16": "This processor does not multiply bfloat16 natively: there is nothing to compare."}
    rates: dict[str, Any] = {}
    for dtype in ("float32", "bfloat16"):
        started = Listening(settings.engine.model_copy(update={"dtype": dtype}), slots, adapters)
        started.waves = []
        run_plain(started, recorded)
        started.reset_prefix_cache()
        seconds, tokens = run_plain(started, recorded)
        started.close()
        rates[dtype] = {"seconds": round(seconds, 3), "tokens": tokens, "tokens_a_second": round(tokens / seconds, 1)}
    return rates


def summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Medians of the pairs, and how far their ratios lie apart."""
    ratios = sorted(pair.token_rate_ratio for pair in pairs)
    middle = statistics.median(ratios)
    return {
        "step_seconds": round(statistics.median(pair.step_seconds for pair in pairs), 3),
        "step_engine_seconds": round(statistics.median(pair.step_engine_seconds for pair in pairs), 3),
        "vllm_seconds": round(statistics.median(pair.vllm_seconds for pair in pairs), 3),
        "tokens": round(statistics.median(pair.step_tokens for pair in pairs)),
        "token_rate_ratio": round(middle, 4),
        "spread": round((ratios[-1] - ratios[0]) / middle, 4),
        "pairs": [{**vars(pair), "token_rate_ratio": pair.token_rate_ratio} for pair in pairs],
        "target": TARGET,
    }


def plot(figures: Mapping[str, Any], folder: Path) -> Path:
    """Each pair's tokens a second, side by side."""
    drawing, (axes,) = plots.panels(1, height=3.2)
    pairs = figures["pairs"]
    rows = range(len(pairs))
    for offset, name, color in ((-0.2, "step", plots.BLUE), (0.2, "vllm", plots.ORANGE)):
        rates = [pair[f"{name}_tokens"] / pair[f"{name}_seconds"] for pair in pairs]
        axes.bar([row + offset for row in rows], rates, width=0.38, color=color, label=LABELS[name])
    axes.set_xticks(list(rows), [f"pair {row + 1}: {pair['token_rate_ratio']:.3f}" for row, pair in enumerate(pairs)])
    axes.set_ylabel("tokens written a second")
    axes.set_title(
        f"{figures['users']} users, the same prompts: the step's rate is {figures['token_rate_ratio']:.3f} of vLLM's"
    )
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return plots.save(drawing, folder, "engine")


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.users < 1 or arguments.pairs < FEWEST_PAIRS:
        raise UsageError(f"--users is at least 1, --pairs at least {FEWEST_PAIRS}.")
    settings = load_settings()
    # Of the agents alone: what explanations ask after them says nothing more of the engine.
    explanations = settings.explanations.model_copy(update={"tags": 0})
    settings = settings.model_copy(update={"explanations": explanations})
    prepare_environment(settings.engine)
    log_lake = Lake.open(arguments.lake)
    landed.land_until(log_lake, arguments.day)
    landed.prepare_day(log_lake, arguments.day)
    work = Lake.open(arguments.work)
    users = eligible(log_lake, arguments.day, settings.inference, arguments.users)
    copy_inputs(log_lake, work, arguments.day, users)
    hybrid = settings.inference.representation != "text"
    release, files = releases.load(settings.lake.first_release)
    releases.install(work, release, files)
    tuned = settings.inference.asking == "ranked" and settings.inference.experts != "base"
    adapters = adapters_of(release, files, settings.engine.model) if tuned else {}
    slots = EntitySlots.empty(model_width(settings.engine.model)) if hybrid else None
    running = Listening(settings.engine, slots, adapters)
    log.info("Warming up with one user.")
    run_step(work, arguments.day, settings, 1, running)
    pairs = []
    for number in range(arguments.pairs):
        recorded, step_seconds = run_step(work, arguments.day, settings, arguments.users, running)
        vllm_seconds, tokens = run_plain(running, recorded)
        pair = Pair(step_seconds, recorded.engine_seconds, recorded.output_tokens, vllm_seconds, tokens)
        log.info(
            "Pair %d of %d: the step %.1f s, vLLM %.1f s, token rates %.3f.",
            number + 1, arguments.pairs, step_seconds, vllm_seconds, pair.token_rate_ratio,
        )  # fmt: skip
        pairs.append(pair)
    figures = {
        **summary(pairs),
        "users": len(users),
        "asking": settings.inference.asking,
        "requests": sum(map(len, recorded.waves)),
        "waves": len(recorded.waves),
        "day": arguments.day,
        "dtype": processor.resolve(settings.engine.dtype, settings.engine.model),
        "threads": settings.engine.threads,
        "types": types_side_by_side(settings, running, recorded, adapters),
    }
    return {**figures, "plot": str(plot(figures, Path(arguments.plots)))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--users", type=int, default=16, help="users drawn by a stable hash (default: 16)")
    parser.add_argument("--pairs", type=int, default=FEWEST_PAIRS, help="runs of each, alternating (default: 4)")
    parser.add_argument("--day", type=day_argument, default="2017-11-01", help="the day whose contexts are read")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake for the log (default: var/bench/lake)")
    parser.add_argument("--work", default=str(FOLDER / "engine"), help="lake for the step (default: var/bench/engine)")
    parser.add_argument("--plots", default=str(FOLDER), help="folder of the plot (default: var/bench)")
    run_command(main, parser)
