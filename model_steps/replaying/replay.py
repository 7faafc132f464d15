"""A case through planner, experts, arbiter and explainer, by the commands and the engine that serve a shop's day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lake.delta import tables
from lake.delta.staging import Batch
from lake.registry import releases
from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps.embedding.embedder import Embedder
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.chat import Chat
from model_steps.engine.start import LazyEngine
from model_steps.engine.untuned import Untuned
from model_steps.engine.vllm_engine import engine_name
from model_steps.evaluating.work_lake import publish_unaudited
from model_steps.explaining.explainer import STYLE_OWNER, Explained, Explainer
from model_steps.explaining.reading import customers_of, read_shop
from model_steps.explaining.surroundings import Surroundings
from model_steps.replaying.case import Case
from model_steps.replaying.lake import fill
from model_steps.serving.experts import explainers_of
from runtime.errors import DataError
from runtime.fingerprint import code_of
from runtime.steps import run_step
from schemas import failures, intents, items, personas
from settings import Settings

ENGINE = "model_steps.engine.vllm_engine"
# One customer of a few purchases; the captions are written here, whatever inference does with them.
ASKED = {
    "INTENTFLOW_INFERENCE__USERS": "0",
    "INTENTFLOW_INFERENCE__SHARDS": "1",
    "INTENTFLOW_INFERENCE__MINIMUM_EVENTS": "1",
    "INTENTFLOW_INFERENCE__MINIMUM_ACTIVE_DAYS": "1",
    "INTENTFLOW_EXPLANATIONS__TAGS": "0",
}


def replay(case: Case, where: str, base: Lake, work: Lake, folder: Path, settings: Settings) -> dict[str, Any]:
    """What a case comes to: personas, tags, and captions with their styles. Said once, it is said so again.

    Args:
        where: the case's file, for sentences. base: has the catalog. work: a lake apart, which keeps
            the answers. folder: of the release.

    Raises:
        SourceMissing: the base has no catalog. DataError: the case or the release does not fit it, or the customer got
            no intents. StepFailed: the inference ended with an error.
    """
    release, files = releases.load(folder)
    releases.install(work, release, files)
    fill(base, work, case, where)
    of_day = ("--day", case.day, "--lake", work.root)
    run_step("model_steps.embed", *of_day, environment=ASKED)
    manifest = run_step("model_steps.infer", *of_day, "--release", release.name, environment=ASKED)
    publish_unaudited(work, [Batch.load(work, path) for path in manifest["batches"]])
    tags, people = (
        sorted(tables.read(work, table, case.day).to_pylist(), key=lambda row: row[order])
        for table, order in ((intents.TABLE, "rank"), (personas.TABLE, "expert"))
    )
    if not tags:
        failed = tables.read(work, failures.TABLE, case.day).to_pylist()
        raise DataError(f"{where}: the customer got no tags: {failed[0]['reason'] if failed else 'nobody says why'}.")
    explained = explain(case, base, work, (release, files), tags, settings)
    return document(case, release, manifest, people, tags, explained, texts_of(base, explained))


def explain(
    case: Case,
    base: Lake,
    work: Lake,
    served: tuple[Release, Mapping[str, bytes]],
    tags: list[dict[str, Any]],
    settings: Settings,
) -> Explained:
    """Captions for items of a case's best tags, by a release's explainer.

    Args:
        served: the release and its files.
    """
    release, files = served
    adapters = explainers_of(release, files, settings.engine.model)
    embedder, chat = Embedder(settings.embedder.model), Chat(settings.engine.model)
    shop = read_shop(base, case.day, embedder, {row["category"] for row in tags})
    # The day is the case's, and not the shop's of that date.
    shop = replace(shop, surroundings=Surroundings.of([signal.model_dump() for signal in case.signals]))
    name = f"{engine_name(settings.engine)}/{code_of(ENGINE).digest}"
    start = partial(LazyEngine(settings.engine, adapters), None)
    untuned = Untuned(frozenset(adapters), release.model, None)
    cache = AnswerCache(work, [case.user_id, STYLE_OWNER], case.day, release.name, name, start, untuned)
    model = (cache.ask, chat.render, chat.answer_tokens)
    explainer = Explainer(settings.explanations, shop, *model, embedder.embed, release.name, settings.engine.seed)
    cache.begin_chunk()
    explained = explainer.explain(customers_of(work, case.day, tags))
    cache.end_chunk()
    return explained


def texts_of(base: Lake, explained: Explained) -> dict[str, str]:
    """The texts of items that have captions, by id."""
    wanted = [("item_id", "in", sorted({row["item_id"] for row in explained.rows}))]
    rows = tables.read(base, items.TABLE, columns=["item_id", "text"], filters=wanted) if explained.rows else None
    return {} if rows is None else dict(zip(rows["item_id"].to_pylist(), rows["text"].to_pylist(), strict=True))


def document(
    case: Case,
    release: Release,
    manifest: Mapping[str, Any],
    people: Sequence[Mapping[str, Any]],
    tags: Sequence[Mapping[str, Any]],
    explained: Explained,
    texts: Mapping[str, str],
) -> dict[str, Any]:
    """The replay as a document: nothing that another run would say otherwise.

    Args:
        people, tags: rows of ``personas`` and ``intents`` in their order. texts: of the explained items, by id.
    """
    return {
        "case": case.digest,
        "day": case.day,
        "release": release.name,
        "representation": manifest["representation"],
        "experts": manifest["experts"],
        "personas": [
            {
                "expert": row["expert"],
                "persona": row["persona"],
                "need": row["need"],
                "rests_on": [one["label"] for one in row["evidence"]],
            }
            for row in people
        ],
        "tags": [{name: row[name] for name in ("rank", "tag", "expert", "why", "chosen_by")} for row in tags],
        "captions": [
            {
                **{name: row[name] for name in ("tag", "caption", "style", "segment", "attempts")},
                "item": texts[row["item_id"]],
            }
            for row in explained.rows
        ],
        "dropped": [
            {"tag": one.pair.candidate.tag.text, "rule": one.rule, "attempts": one.attempts}
            for one in explained.dropped
        ],
    }
