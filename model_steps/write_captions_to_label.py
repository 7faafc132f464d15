"""Let the model write captions to be labelled: ``python -m model_steps.write_captions_to_label --day D --out FOLDER``.

Draws users of published contexts and items of their own categories by a seed, and asks the explainer once for each:
closed frames in a style, free words in a style, and free words by V1's prompt, in turns. What it wrote is kept as it
is, whatever rule it breaks. ``written.jsonl`` gets these captions without labels, ``pairs.jsonl`` further customers and
items of which captions are built, ``days.json`` the days' signals. None holds a pseudonym or a profile.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents.inputs import read_contexts
from model_steps.caption_judge.case import CaptionCase, Reader
from model_steps.caption_judge.drawing import (
    DrawnCustomer,
    customer_of,
    drawn_users,
    interests_of,
    kept_interests,
    named,
)
from model_steps.caption_judge.labelled_files import DAYS_FILE, PAIRS_FILE, WRITTEN_FILE, kept_row, write_lines
from model_steps.embedding.embedder import Embedder
from model_steps.engine.asking import Model, Request, Sampling
from model_steps.engine.chat import Chat
from model_steps.engine.drawing import text_of
from model_steps.engine.environment import prepare_environment
from model_steps.engine.start import LazyEngine
from model_steps.explaining import captions, prompt_files, styles
from model_steps.explaining.candidates import candidates
from model_steps.explaining.captions import Pair
from model_steps.explaining.explainer import STYLE_OWNER, Shop
from model_steps.explaining.reading import read_shop
from representation.evidence import parent_of
from runtime import atomic
from runtime.entry import day_argument, run_command
from runtime.errors import DataError, UsageError
from schemas import contexts, items
from settings import ExplanationsSettings, Settings, load_settings

log = logging.getLogger("intentflow")

# Way and form of each caption in turn; the last tags of a customer are only kept as pairs.
WRITTEN = (("meta", "closed"), ("meta", "free"), ("v1", "free"))
BUILT_PAIRS = 2


def write_captions(
    lake: Lake,
    days: Sequence[str],
    users: range,
    seed: int,
    settings: Settings,
    model: Model,
    out: Path,
    turns: Sequence[tuple[str, str]] = WRITTEN,
) -> dict[str, Any]:
    """Write the files; returns the manifest.

    Args:
        users: which of each day's, by their places in the order of the draw.
        turns: way and form of each customer's captions.

    Raises:
        UsageError: a file is there already, or the folder cannot be written. SourceMissing: a day or the catalog is
        missing. DataError: nobody has an item. InfrastructureError: the engine failed.
    """
    if (out / WRITTEN_FILE).exists():
        raise UsageError(f"{out / WRITTEN_FILE} is there already, perhaps with labels: name another folder with --out.")
    chat, embedder = Chat(settings.engine.model), Embedder(settings.embedder.model)
    written: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    signals: dict[str, Any] = {}
    for day in days:
        shop, drawn = _drawn(lake, day, users, seed, embedder, len(turns) + BUILT_PAIRS)
        pairs = list(_pairs(drawn, shop, embedder, settings.explanations))
        due = [(one, pair, turns[turn]) for one, turn, pair in pairs if turn < len(turns)]
        said = _written(due, shop, model, chat, seed, settings.explanations)
        written += [{**row, "model": settings.engine.model.name} for row in said]
        kept += [_row(one, pair, shop, "", None) for one, turn, pair in pairs if turn >= len(turns)]
        signals[day] = asdict(shop.surroundings)
    if not written:
        raise DataError("None of the drawn users has an item that gets captions: name a day with other users.")
    write_lines(out / PAIRS_FILE, kept)
    atomic.write(out / DAYS_FILE, json.dumps(signals, ensure_ascii=False, indent=1) + "\n")
    write_lines(out / WRITTEN_FILE, written)
    return {"captions": len(written), "pairs": len(kept), "days": list(days), "seed": seed, "out": str(out)}


def _drawn(
    lake: Lake, day: str, users: range, seed: int, embedder: Embedder, most: int
) -> tuple[Shop, list[DrawnCustomer]]:
    known = tables.read(lake, contexts.TABLE, day, columns=["user_id"])["user_id"].to_pylist()
    people = read_contexts(lake, day, drawn_users(known, users.stop, seed)[users.start :])
    catalog = tables.read(lake, items.TABLE, columns=["category", "category_path"]).group_by(
        ["category", "category_path"]
    )
    rows = sorted(catalog.aggregate([]).to_pylist(), key=lambda row: row["category_path"])
    shelves = {row["category"]: parent_of(row["category_path"]) or row["category"] for row in rows}
    drawn = [
        customer_of(context, named(number, day), shelves, most, seed)
        for number, context in enumerate(people, users.start)
    ]
    return read_shop(lake, day, embedder, {tag.category for one in drawn for tag in one.tags}), drawn


def _pairs(
    drawn: Sequence[DrawnCustomer], shop: Shop, embedder: Embedder, settings: ExplanationsSettings
) -> Iterator[tuple[DrawnCustomer, int, Pair]]:
    texts = sorted({tag.text for one in drawn for tag in one.tags})
    vectors = dict(zip(texts, embedder.embed(texts), strict=True))
    for one in drawn:
        chosen = candidates(one.tags, vectors, shop.shelf, frozenset(), len(one.tags), 1)
        for turn, candidate in enumerate(chosen):
            yield one, turn, Pair.of(one.context, candidate, settings)


def _written(
    due: Sequence[tuple[DrawnCustomer, Pair, tuple[str, str]]],
    shop: Shop,
    model: Model,
    chat: Chat,
    seed: int,
    settings: ExplanationsSettings,
) -> Iterator[dict[str, Any]]:
    """Each pair's first caption, with the style that it was asked in."""
    where = shop.surroundings
    chosen = [replace_way(settings, way, form) for _, _, (way, form) in due]
    styled = [number for number, own in enumerate(chosen) if own.way == "meta"]
    requests = []
    for number in styled:
        pair = due[number][1]
        prompt = chat.render(*styles.messages(pair.segment, pair.candidate.item, where))
        sampling = Sampling(styles.TOKENS, settings.style_temperature, settings.top_p, grammar=styles.grammar(where))
        requests.append(Request.seeded(STYLE_OWNER, prompt_files.STYLIST, prompt, sampling, seed))
    answers = dict(zip(styled, model.generate(requests), strict=True))
    found = {number: styles.parse(answer.text, where) for number, answer in answers.items()}
    asked: dict[int, Request] = {}
    for number, own in enumerate(chosen):
        style = found.get(number)
        if own.way == "meta" and style is None:
            continue
        pair = due[number][1]
        request = captions.request(pair, style, where, own, chat.render, chat.answer_tokens, seed)
        if request is not None:
            asked[number] = request
    answers = dict(zip(asked, model.generate(list(asked.values())), strict=True))
    for number, request in asked.items():
        one, pair, (way, form) = due[number]
        said = text_of(request, answers[number])
        yield {**_row(one, pair, shop, said, found.get(number)), "way": way, "form": form}


def replace_way(settings: ExplanationsSettings, way: str, form: str) -> ExplanationsSettings:
    return settings.model_copy(update={"way": way, "form": form})


def _row(one: DrawnCustomer, pair: Pair, shop: Shop, caption: str, style: styles.Style | None) -> dict[str, Any]:
    item = pair.candidate.item
    reader = Reader(one.name, pair.known, kept_interests(interests_of(one.context), item.category))
    case = CaptionCase(shop.day, caption, item, reader, shop.surroundings, None if style is None else asdict(style))
    return kept_row(case, one.split)


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake or settings.lake.uri)
    model = LazyEngine(settings.engine)(None)
    users = range(arguments.after, arguments.after + arguments.users)
    turns = [turn for turn in WRITTEN if arguments.form in (None, turn[1])]
    return write_captions(lake, arguments.day, users, arguments.seed, settings, model, arguments.out, turns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.write_captions_to_label", description=__doc__)
    parser.add_argument("--day", type=day_argument, action="append", required=True, help="with contexts; repeatable")
    parser.add_argument("--users", type=int, default=46, help="of each day (default: 46)")
    parser.add_argument(
        "--after", type=int, default=0, help="so many of the draw are left out, which an earlier run had"
    )
    parser.add_argument("--form", choices=("closed", "free"), help="captions of one form alone (default: of both)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lake", help="address of the lake (default: the setting)")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets the two files")
    run_command(main, parser)
