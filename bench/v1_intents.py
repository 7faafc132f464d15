"""What V1's routes foretell: ``python -m bench.v1_intents --day D --lake URI --work URI --out FILE --user U ...``.

Four routes of the language model as it is read each user's history as text and write tags; their tags follow one
another by rank, each once (PAPER 0, 7). A tag stands for the nearest category. Answers are kept in the lake of the work
chunk by chunk. Called by ``bench.quality --ladder``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.v1_routes import Routes, duplicated, merged, written_by
from evaluation.comparison import LISTED
from lake.store.location import Lake
from model_steps.agents import inputs, population
from model_steps.agents.words import WordFinder
from model_steps.embedding.embedder import Embedder
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.cache_capacity import tokens_that_fit
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.model_digest import model_digest
from model_steps.engine.start import LazyEngine, StartsModel
from model_steps.engine.vllm_engine import engine_name
from runtime import atomic
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.fingerprint import code_of
from runtime.progress import Progress
from settings import Settings, load_settings

ENGINE = "model_steps.engine.vllm_engine"
# Of each of four routes, so that 30 are left when some wrote the same (as of agents that write).
TAGS_A_ROUTE = 13


def ask(
    lake: Lake, work: Lake, day: str, users: Sequence[str], settings: Settings, start: StartsModel
) -> tuple[dict[str, dict[str, Any]], AnswerCache]:
    """What the routes name for users.

    Args:
        lake: has the day's contexts, signals and vectors. work: keeps the answers.
        start: gives the model when the first answer is missing.

    Returns:
        By user the categories of the first ``LISTED`` tags in their order, how many of these tags there are, and the
        share that another route had written; and the cache with its counts.

    Raises:
        SourceMissing: a user has no context, or entities are not embedded. InfrastructureError: the engine failed.
    """
    chat, embedder = Chat(settings.engine.model), Embedder(settings.embedder.model)
    categories = inputs.read_categories(lake, embedder.name)
    words = WordFinder(categories, embedder.vocabulary, settings.inference.word_categories)
    people = inputs.read_contexts(lake, day, users)
    known = inputs.read_entities(lake, people)
    prepared = inputs.prepare(people, known, chat.count, settings.history.text_tokens, "text").users
    lines = dict(line.partition(": ")[::2] for line in inputs.signals_text(lake, day).split("\n"))
    asked = settings.inference
    # The context first, so that it is computed once: as published it is computed four times, and says the same.
    routes = Routes(
        chat.render,
        lines,
        TAGS_A_ROUTE,
        True,
        asked.expert_temperature,
        asked.top_p,
        asked.frequency_penalty,
        settings.engine.seed,
    )
    named = f"v1-{model_digest(settings.engine.model)}"
    engine = f"{engine_name(settings.engine)}/{code_of(ENGINE).digest}"
    cache = AnswerCache(work, users, day, named, engine, partial(start, None))
    requests = [
        routes.requests(one.user_id, one.history, words.near([fact.category for fact in one.facts[:3]]))
        for one in prepared
    ]

    def tokens(own: Sequence[Any]) -> int:
        return sum(chat.count(one.prompt) + one.sampling.maximum_tokens for one in own)

    found: dict[str, dict[str, Any]] = {}
    progress = Progress(len(prepared), "users", every_seconds=0)
    for chunk in population.chunks_of(requests, asked.chunk_users, tokens, tokens_that_fit(settings.engine)):
        cache.begin_chunk()
        # One route goes first, and the others find the context that it computed.
        waves = [cache.ask(list(wave)) for wave in zip(*chunk, strict=True)]
        cache.end_chunk()
        for own, answers in zip(chunk, zip(*waves, strict=True), strict=True):
            written = written_by(answers)
            tags = merged(written)[:LISTED]
            nearest = categories.nearest(embedder.embed(tags))
            found[own[0].user_id] = {
                "categories": [category for category, _ in nearest],
                "valid": len(tags),
                "duplicated": duplicated(written),
            }
        progress.advance(len(chunk))
    return found, cache


def main(arguments: argparse.Namespace) -> Mapping[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    users = list(dict.fromkeys(arguments.user))
    lake, work = Lake.open(arguments.lake), Lake.open(arguments.work)
    start = LazyEngine(settings.engine)
    found, cache = ask(lake, work, arguments.day, users, settings, start)
    if not found:
        raise UsageError("V1's routes were asked about nobody: name users with --user.")
    atomic.write(arguments.out, json.dumps(found))
    return {
        "users": len(found),
        "users_failed": sum(not one["valid"] for one in found.values()),
        "duplication": round(sum(one["duplicated"] for one in found.values()) / len(found), 4),
        "model_calls": cache.counts.total("calls"),
        "cached_answers": cache.counts.total("cached_answers"),
        "tags_a_route": TAGS_A_ROUTE,
        "history_tokens": settings.history.text_tokens,
        "written_to": str(arguments.out),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.v1_intents", description=__doc__)
    parser.add_argument("--day", type=day_argument, required=True, help="the last day of the histories")
    parser.add_argument("--lake", required=True, help="lake with contexts, signals and vectors of the day")
    parser.add_argument("--work", required=True, help="lake that answers are kept in")
    parser.add_argument("--user", action="append", required=True, help="a user with a context, repeatable")
    parser.add_argument("--out", type=Path, required=True, help="file for what the routes name, by user")
    run_command(main, parser)
