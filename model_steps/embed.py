"""Embed what was not embedded yet: ``python -m model_steps.embed --lake URI [--day D [--users N] | --categories]``.

Every entity is embedded once per embedder, whatever the number of users or days, when it first stands in the context of
a user who gets intents, or stands for the day's catalog: most of a catalog is never bought. Categories are embedded
all, for tags are mapped to them. Vectors are appended chunk by chunk: a killed run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lake.delta import tables
from lake.delta.renewal import keys_of, renew
from lake.delta.work import Step, mark, marked
from lake.store.location import Lake
from model_steps.agents.eligible import eligible
from model_steps.embedding.embedder import Embedder, Vectors
from model_steps.embedding.shown import sampled_entities, shown_entities
from model_steps.engine.environment import prepare_environment
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.progress import Progress
from schemas import contexts, entities, entity_vectors
from settings import load_settings

log = logging.getLogger("intentflow")

STEP = Step("embed", __file__)
# One commit a chunk: rarely enough to be cheap, often enough that a kill loses seconds.
CHUNK = 4096
BATCH = 128


def wanted(
    lake: Lake, day: str | None, users: Sequence[str] | None = None, *, categories_alone: bool = False
) -> pa.Table:
    """The entities to have vectors for: those of the day's contexts and all categories; without a day, all.

    Args:
        users: whose contexts, beside the sample that stands for the day's catalog (default: everybody's).
        categories_alone: the categories and nothing else.
    """
    known = tables.read(lake, entities.TABLE, columns=["entity_id", "text", "kind"])
    if categories_alone:
        return known.filter(pc.equal(known["kind"], "category"))
    if day is None:
        return known
    of_users = shown_entities(lake, day, users)
    shown = of_users if users is None else pa.concat_arrays([of_users, pa.array(sampled_entities(lake, day))])
    return known.filter(pc.or_(pc.is_in(known["entity_id"], shown), pc.equal(known["kind"], "category")))


def missing(
    lake: Lake, embedder: str, day: str | None, users: Sequence[str] | None = None, *, categories_alone: bool = False
) -> tuple[pa.Table, int]:
    """Wanted entities without a vector of this embedder and code, shortest text first, and how many are wanted."""
    known = wanted(lake, day, users, categories_alone=categories_alone)
    there = keys_of(lake, entity_vectors.TABLE, name_of_work(embedder)).select(["entity_id"])
    left = known.join(there, keys="entity_id", join_type="left anti")
    lengths = pc.utf8_length(left["text"])
    left = left.append_column("length", lengths).sort_by([("length", "ascending"), ("entity_id", "ascending")])
    return left.select(["entity_id", "text"]), known.num_rows


def name_of_work(embedder: str) -> str:
    """Fingerprint of an embedder's vectors: an entity's id follows from its text, so nothing else decides."""
    return STEP.work({"embedder": embedder}, {})


def vector_rows(entity_ids: pa.Array, embedder: str, vectors: Vectors) -> pa.Table:
    """Rows of ``entity_vectors``."""
    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1), pa.float32())
    offsets = pa.array(np.arange(0, len(flat) + 1, vectors.shape[1]), pa.int32())
    return pa.table(
        {
            "entity_id": entity_ids,
            "embedder": pa.array([embedder] * len(entity_ids), pa.string()),
            "vector": pa.ListArray.from_arrays(offsets, flat),
        },
        schema=entity_vectors.TABLE.schema,
    )


def embed(
    lake: Lake,
    embedder: Embedder,
    day: str | None = None,
    threads: int = 1,
    users: Sequence[str] | None = None,
    *,
    categories_alone: bool = False,
) -> dict[str, Any]:
    """Append the vectors that are missing, in place of those that other code made; returns the manifest.

    Args:
        day: of the contexts whose entities are wanted (default: every entity).
        users: whose contexts (default: everybody's).
        threads: batches at once; a batch by itself is work for one.
        categories_alone: the categories and nothing else.
    """
    left, entities_in = missing(lake, embedder.name, day, users, categories_alone=categories_alone)
    if left.num_rows:
        STEP.remember(lake)
    progress = Progress(left.num_rows, "entities")
    written = 0
    if left.num_rows:
        embedder.load()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, left.num_rows, CHUNK):
            chunk = left.slice(start, CHUNK).combine_chunks()
            texts = chunk["text"].to_pylist()
            batches = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
            vectors = []
            for of_batch in pool.map(embedder.embed, batches, repeat(BATCH)):
                vectors.append(of_batch)
                progress.advance(len(of_batch))
            rows = vector_rows(chunk["entity_id"].combine_chunks(), embedder.name, np.concatenate(vectors))
            written += renew(lake, entity_vectors.TABLE, rows, name_of_work(embedder.name))
    if day:
        _mark(lake, embedder.name, day)
    return {
        "embedder": embedder.name,
        "entities_in": entities_in,
        "entities_out": written,
        "entities_reused": entities_in - left.num_rows,
        "reused": left.num_rows == 0,
    }


def _mark(lake: Lake, embedder: str, day: str) -> None:
    """Note whose vectors the day's contexts have: inference rests on them."""
    name = STEP.work({"contexts": tables.partition_digest(lake, contexts.TABLE, day)}, {"embedder": embedder})
    if marked(lake, STEP.name, day) != name:
        mark(lake, STEP, day, name)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    # One thread a batch and several batches at once: threads that share a batch wait for one another at each product.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    prepare_environment(settings.engine)
    lake, embedder = Lake.open(arguments.lake or settings.lake.uri), Embedder(settings.embedder.model)
    number = settings.inference.users if arguments.users is None else arguments.users
    if number < 0:
        raise UsageError("--users is the number of users, or 0 for all.")
    users = eligible(lake, arguments.day, settings.inference, number) if arguments.day and number else None
    return embed(lake, embedder, arguments.day, settings.engine.threads, users, categories_alone=arguments.categories)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.embed", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--day", type=day_argument, help="embed what the contexts of this day show (default: every entity)"
    )
    which.add_argument("--categories", action="store_true", help="embed the categories alone: a judge needs no more")
    parser.add_argument("--users", type=int, help="of so many users as get intents, 0 for all (default: the setting)")
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    run_command(main, parser)
