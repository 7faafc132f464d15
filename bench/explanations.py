"""How captions by style and caption stand beside V1's: ``python -m bench.explanations [--users 100] [--items 50]``.

The same items are shown to several held-out users each, in every way there is: frames drawn at random, V1's prompt, a
style and a caption in it by the language model as it is and by releases with tuned captions (``bench/captions``). The
lake is that of ``bench.quality``, which lands it. Answers are kept in ``var/bench``: a killed run goes on where it was,
a second one asks nothing.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.captions import caption_judge, figures, judged, picture, ways
from bench.captions.asking import Asking
from bench.captions.costs import OneEngine
from bench.captions.readers import Audience, audiences, chunks_of
from bench.captions.without_model import WAYS
from bench.captions.written import Outcome
from bench.lakes import landed
from bench.lakes.steps import FOLDER
from bench.quality import prepare
from evaluation.freeze import refuse_other_days
from lake.delta import tables
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import SplitRule, drawn
from lake.store.location import Lake
from model_steps.agents import inputs
from model_steps.agents.eligible import eligible
from model_steps.agents.ranked_inputs import catalog_of
from model_steps.embedding.embedder import Embedder
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.engine.model_digest import model_digest
from model_steps.engine.start import LazyEngine
from model_steps.engine.vllm_engine import engine_name
from model_steps.explaining.item import Item
from model_steps.explaining.reading import COLUMNS, read_shop
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.fingerprint import code_of
from schemas import items
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

ENGINE = "model_steps.engine.vllm_engine"
# Pairs that are written together.
TOGETHER = 32
# Fewer say nothing of how captions of one item differ.
FEWEST_READERS = 2


def held_out(lake: Lake, rule: SplitRule, day: str, users: int, settings: Settings) -> list[str]:
    """Users whom no training may know, by a stable draw: whatever captions are tuned on are others'."""
    able = eligible(lake, day, settings.inference, 0)
    return drawn([user for user in able if rule.split_of(user) == "holdout"], users)


def sold(lake: Lake, categories: Sequence[str]) -> set[str]:
    """Which of some categories have an item that gets captions."""
    rows = tables.read(lake, items.TABLE, columns=list(COLUMNS), filters=[("category", "in", list(categories))])
    found: set[str] = set()
    for row in rows.sort_by([("category", "ascending"), ("item_id", "ascending")]).to_pylist():
        if row["category"] not in found and Item(**row).is_explained:
            found.add(row["category"])
    return found


def prepare_asking(
    lake: Lake, work: Lake, rule: SplitRule, day: str, arguments: argparse.Namespace, settings: Settings
) -> tuple[Asking, list[Audience]]:
    """What all ways share, and who reads of what."""
    embedder, chat = Embedder(settings.embedder.model), Chat(settings.engine.model)
    people = inputs.read_contexts(lake, day, held_out(lake, rule, day, arguments.users, settings))
    catalog = catalog_of(inputs.read_categories(lake, embedder.name))
    groups = audiences(
        people, catalog, lambda found: sold(lake, found), arguments.items, arguments.readers, settings.examples
    )
    asking = Asking(
        work=work,
        day=day,
        shop=read_shop(lake, day, embedder, {group.category for group in groups}),
        # One item a tag, the nearest, whoever has it at home: everybody is shown the same.
        settings=settings.explanations.model_copy(update={"tags": 1, "items_per_tag": 1, "not_bought_days": 0}),
        chunks=chunks_of(groups, TOGETHER),
        render=chat.render,
        tokenizes=chat.answer_tokens,
        embed=embedder.embed,
        model=model_digest(settings.engine.model),
        engine=f"{engine_name(settings.engine)}/{code_of(ENGINE).digest}",
        seed=settings.engine.seed,
    )
    return asking, groups


def write(
    asking: Asking, compared: Sequence[ways.Way], forms: Sequence[str], settings: Settings
) -> dict[str, dict[str, Outcome]]:
    """Captions by form and way; ways with one model share one engine."""
    found: dict[str, dict[str, Outcome]] = {form: {} for form in forms}
    found[ways.HEADLINE] |= {name: asking.draw(name) for name in WAYS}
    for release in dict.fromkeys(way.release for way in compared):
        of_release = [way for way in compared if way.release == release]
        engine = OneEngine(LazyEngine(settings.engine, of_release[0].adapters))
        for form in forms:
            for way in of_release:
                log.info("%s captions in the %s form.", way.name, form)
                found[form][way.name] = asking.ask(way, form, engine)
        engine.close()
    return found


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load_settings()
    if arguments.users < 1 or arguments.items < 1 or arguments.readers < FEWEST_READERS:
        raise UsageError(f"--users and --items are at least 1, --readers at least {FEWEST_READERS}.")
    # What is named wrongly is told of before minutes of work.
    folders = ways.named(arguments.release)
    tuned = [ways.tuned(name, folder, settings.engine.model) for name, folder in folders.items()]
    absent = ways.absent(folders)
    for name, why in absent.items():
        log.warning("There is no %s. %s", name, why)
    rule, lake, work = read_rule(settings.source), Lake.open(arguments.lake), Lake.open(arguments.work)
    day = arguments.day or rule.days[-1]
    refuse_other_days(rule, day)
    prepare(lake, rule, day)
    landed.prepare_day(lake, day)
    prepare_environment(settings.engine)
    asking, groups = prepare_asking(lake, work, rule, day, arguments, settings)
    compared = [*ways.UNTUNED, *tuned]
    wanted = (ways.HEADLINE,) if arguments.headline else ways.FORMS
    judge = caption_judge.shipped(settings, day)
    forms = {
        form: {
            **figures.side_by_side(outcomes),
            "quality": judged.quality(judge, outcomes, asking.pair_of, asking.shop),
        }
        for form, outcomes in write(asking, compared, wanted, settings).items()
    }
    of_base = forms[ways.HEADLINE]["asked_of"][ways.BASE]
    found = {
        **forms[ways.HEADLINE],
        "headline": ways.HEADLINE,
        "other_forms": {form: one for form, one in forms.items() if form != ways.HEADLINE},
        "judge": judged.told_of(judge),
        "style_cache_hit_rate": of_base["style_cache_hit_rate"],
        "seconds_per_caption": of_base["seconds_per_caption"],
        "day": day,
        "users": len({customer.context.user_id for group in groups for customer in group.customers}),
        "items": len(groups),
        "readers": arguments.readers,
        "readers_fitting": sum(group.fitting for group in groups),
        "releases": {way.name: way.release for way in compared if way.release},
        "absent": absent,
        "definitions": figures.DEFINITIONS,
    }
    return {**found, "plot": str(picture.draw(found, Path(arguments.plots)))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.explanations", description=__doc__)
    parser.add_argument("--users", type=int, default=100, help="held-out users that readers are taken from (100)")
    parser.add_argument("--items", type=int, default=50, help="items, one a category (50)")
    parser.add_argument("--readers", type=int, default=8, help="users who get a caption for each item (8)")
    parser.add_argument("--day", type=day_argument, help="an evaluation day (default: the last one)")
    parser.add_argument(
        "--release", action="append", default=[], help="NAME=FOLDER of a release with tuned captions, repeatable"
    )
    parser.add_argument("--headline", action="store_true", help="the closed form alone, which is the quick one")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake for the log (default: var/bench/lake)")
    parser.add_argument("--work", default=str(FOLDER / "captions"), help="lake for answers (var/bench/captions)")
    parser.add_argument("--plots", default=str(FOLDER), help="folder of the plot (default: var/bench)")
    run_command(main, parser)
