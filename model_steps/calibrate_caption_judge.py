"""Make and examine the caption judge: ``python -m model_steps.calibrate_caption_judge [--lake URI] [--out FOLDER]``.

Builds captions from the committed pairs, reads those that models wrote with their labels, asks the language model about
each dimension, learns how to weigh its answers and what code finds, and examines the judge on captions of items and
customers that it does not know, against the rules alone and the majority answer. The judge and its record go into a
folder. Answers are kept on the lake by what was asked, so a killed exam goes on, and the same again asks nothing.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.bootstrap import RESAMPLES
from lake.store.location import Lake
from model_steps.caption_judge import labelled_files, record
from model_steps.caption_judge.asking import Questions, log_odds
from model_steps.caption_judge.decides import decides
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.exam import examine
from model_steps.caption_judge.judging import Ask
from model_steps.caption_judge.learning import LogOdds, Prepared, learn
from model_steps.caption_judge.likelihood import Likelihood, Likely
from model_steps.caption_judge.material import LabelledCaption, Material
from model_steps.caption_judge.record import CaptionRecord
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.model_digest import model_digest
from model_steps.engine.start import LazyEngine
from model_steps.engine.vllm_engine import engine_name
from runtime.entry import run_command
from runtime.fingerprint import code_of
from runtime.progress import Progress
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

ENGINE = "model_steps.engine.vllm_engine"


def calibrate(
    material: Material,
    settings: Settings,
    questions: Questions,
    ask: Ask,
    likely: Likely,
    out: Path,
    begin: Callable[[], object] = lambda: None,
    done: Callable[[], object] = lambda: None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Make a judge and its record in a folder; returns the manifest.

    Args:
        ask: answers requests. likely: how likely the language model finds captions. begin, done: around each chunk of
            captions. resamples: for the intervals.

    Raises:
        UsageError: the folder cannot be written. InfrastructureError: the engine failed.
    """
    answers = asked(material.captions, questions, ask, settings.caption_judge.chunk_captions, begin, done)
    prepared = Prepared.of(material, answers, likely, settings)
    judged_by, accuracies = learn(prepared)
    found = CaptionRecord(
        judge=judged_by.name,
        model=model_digest(settings.engine.model),
        decides=decides(settings.caption_judge, settings.explanations),
        data={**material.digests, "engine": engine_name(settings.engine)},
        day=material.day,
        minimum_kappa=settings.caption_judge.minimum_kappa,
        figures={**examine(judged_by, prepared, resamples), "chosen_by": accuracies},
    )
    record.ship(out, judged_by, found)
    stands = record.standing(
        found,
        judged_by.name,
        found.model,
        found.decides,
        found.day,
        settings.caption_judge.valid_days,
        found.minimum_kappa,
    )
    return {
        "judge": judged_by.name,
        "record": found.name,
        "standing": stands.state,
        "standing_reason": stands.reason,
        "valid_until": found.expires(settings.caption_judge.valid_days),
        "ways": dict(judged_by.ways),
        "not_calibrated": list(found.not_calibrated),
        "captions": len(material.captions),
        "people": material.people,
        **found.figures,
        "out": str(out),
    }


def asked(
    captions: Sequence[LabelledCaption],
    questions: Questions,
    ask: Ask,
    size: int,
    begin: Callable[[], object],
    done: Callable[[], object],
) -> LogOdds:
    """The model's log-odds of yes for each caption and each dimension that has a label."""
    progress = Progress(len(captions), "captions")
    found: dict[tuple[str, str], float] = {}
    for start in range(0, len(captions), size):
        chunk = captions[start : start + size]
        places = [(one.case, dimension) for one in chunk for dimension in DIMENSIONS if dimension in one.labels]
        begin()
        said = log_odds(ask([questions.request(case, dimension) for case, dimension in places]))
        done()
        found |= {(case.case_id, dimension): value for (case, dimension), value in zip(places, said, strict=True)}
        progress.advance(len(chunk))
    return found


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake or settings.lake.uri)
    material = Material.read(arguments.labels, settings.caption_judge.corruptions)
    log.info(
        "%d captions, of which %d were really written.",
        len(material.captions),
        sum(one.is_written for one in material.captions),
    )
    users = sorted({one.case.reader.name for one in material.captions})
    engine = f"{engine_name(settings.engine)}/{code_of(ENGINE).digest}"
    model = f"base-{model_digest(settings.engine.model)}"
    cache = AnswerCache(lake, users, material.day, model, engine, partial(LazyEngine(settings.engine), None))
    chat = Chat(settings.engine.model)
    questions = Questions(chat.render, chat.answer_tokens)
    out = arguments.out or settings.caption_judge.release
    likely = Likelihood(settings.engine.model)
    return calibrate(material, settings, questions, cache.ask, likely, out, cache.begin_chunk, cache.end_chunk)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.calibrate_caption_judge", description=__doc__)
    parser.add_argument("--labels", type=Path, default=labelled_files.FOLDER, help="folder of the labelled set")
    parser.add_argument("--lake", help="address of the lake that keeps answers (default: the setting)")
    parser.add_argument("--out", type=Path, help="folder that gets the judge and its record (default: the setting)")
    run_command(main, parser)
