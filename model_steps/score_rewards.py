"""Score tags with a reward model: ``python -m model_steps.score_rewards --reward FOLDER (--cases FILE | --day D)``.

A score lies between 0 and 1 and orders what one customer was given (PAPER 2.4): it is no probability, and scores of two
customers are not held against each other. Cases come as JSON Lines (``judge/reward/case_lines.py``), or are the intents
of a published day; the lake has the catalog that they are of, and how popular a category is. Scores are JSON Lines in
the same order: in the file of ``--out``, or on stdout before the manifest.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake.registry.releases import file_digest
from lake.store.location import Lake
from model_steps.embedding.embedder import Embedder
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.judge.case import Case
from model_steps.judge.customers import read_catalog_facts
from model_steps.judge.reward.case_lines import read_cases, score_line
from model_steps.judge.reward.groups import encoder, grouped, log_odds
from model_steps.judge.reward.shops import read_intents, read_popularity, shops_of
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import SourceMissing, UsageError
from runtime.progress import Progress
from settings import Settings, load_settings

log = logging.getLogger("intentflow")


def score_rewards(
    cases: Sequence[Case], reward: Path, lake: Lake, settings: Settings
) -> tuple[list[float], dict[str, Any]]:
    """A score for each case, in their order, and what the manifest says of it.

    Args:
        cases: of any customers. reward: folder of the reward model's release.
        lake: with the catalog, and where there are any the contexts of the cases' days.

    Raises:
        UsageError, DataError, ConfigurationError: the folder holds no reward model for this language model and prompt.
        SourceMissing: the lake has no catalog.
        DataError: one customer is described in two ways, or a case is too long.
    """
    # Imported late: torch reads its threads from the environment that main has prepared.
    from model_steps.training.reward import stored

    model = settings.engine.model
    found = stored.read(reward, model)
    scorer = stored.restored(found, model, processor.resolve(settings.reward.dtype, model), settings.reward)
    facts = read_catalog_facts(lake, Embedder(settings.embedder.model).name)
    popularity = read_popularity(lake, (case.customer.day for case in cases))
    shops = shops_of(facts, cases, popularity, found.counting)
    # Evidence is cut as it was in training, whatever this run's setting says.
    groups = grouped(cases, encoder(Chat(model), shops, found.reading), odds=log_odds(shops))
    scores, shared, alone = [0.0] * len(cases), 0, 0
    progress = Progress(len(cases), "cases", every_seconds=20)
    for group in groups:
        said = scorer.score(group.prompt, group.candidates, group.odds)
        shared, alone = shared + said.tokens_shared, alone + said.tokens_alone
        for place, score in zip(group.places, said.scores, strict=True):
            scores[place] = score
        progress.advance(len(group.places))
    return scores, {
        "cases": len(cases),
        "groups": len(groups),
        "tokens_computed": shared,
        "tokens_without_sharing": alone,
        "reward": stored.name_of(found.record),
    }


def _lines_of(file: Path) -> tuple[list[str], str]:
    """A file's lines and its digest."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise SourceMissing(f"There is no file {file}.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    try:
        return content.decode("utf-8-sig").split("\n"), file_digest(content)
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no UTF-8 ({error}): write it as such.") from None


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake or settings.lake.uri)
    if arguments.cases is not None:
        lines, digest = _lines_of(arguments.cases)
        cases = read_cases(lines, str(arguments.cases))
        source: dict[str, Any] = {"file": str(arguments.cases), "digest": digest}
    else:
        cases = read_intents(lake, Embedder(settings.embedder.model).name, arguments.day)
        source = {"day": arguments.day}
    scores, manifest = score_rewards(cases, arguments.reward, lake, settings)
    said = "".join(f"{score_line(case, score)}\n" for case, score in zip(cases, scores, strict=True))
    if arguments.out is None:
        sys.stdout.write(said)
        return {**source, **manifest}
    try:
        atomic.write(arguments.out, said)
    except OSError as error:
        raise UsageError(f"The scores cannot be written to {arguments.out}: {error.strerror}.") from None
    return {**source, **manifest, "out": str(arguments.out)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.score_rewards", description=__doc__)
    parser.add_argument("--reward", type=Path, required=True, help="folder of the reward model's release")
    of = parser.add_mutually_exclusive_group(required=True)
    of.add_argument("--cases", type=Path, help="JSON Lines of cases")
    of.add_argument("--day", type=day_argument, help="a published day, whose intents are scored")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--out", type=Path, help="file of the scores (default: stdout)")
    run_command(main, parser)
