"""A shop whose log, rollups and catalog are on a lake, and what builds judged outputs of it with their labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from evaluation.freeze import freeze
from lake.delta import tables, writing
from lake.registry.splits import SplitRule, add_days
from lake.store.location import Lake
from model_steps.build_judge_labels import Building
from model_steps.judge.customers import read_catalog_facts
from model_steps.judge.labelled import Row
from model_steps.judge.written import Written
from schemas import entities, entity_vectors, rollups
from schemas.judge_labels import TABLE
from settings import JudgeLabelsSettings, Settings, load_settings
from tests.evaluation.conftest import Action, put
from tests.model_steps.judge_shop import NAMES, SHOP, catalog

Land = Callable[[Sequence[Action], Sequence[str]], Lake]

FIRST, DAYS = "2017-02-01", 59
TRAINING, EVALUATION, LOG_ENDS = "2017-02-26", "2017-03-10", "2017-04-01"
RULE = SplitRule(days=(EVALUATION,), history_days=20, outcome_days=3, minimum_events=1, minimum_active_days=1)
WINDOW = 12
USERS = [f"user{number}" for number in range(24)]
# Category: every how many days it is bought, from which place on.
TURNS = {"white milk": 3, "white bread": 5, "shrimp": 7, "hand soap": 13, "yogurt": 17}


def purchases() -> list[Action]:
    """Everybody buys in turns of the own number; wine comes late, and for train users after the training alone."""
    log = []
    for turn, user in enumerate(USERS):
        for number in range(DAYS):
            day = add_days(FIRST, number)
            wanted = [name for name, every in TURNS.items() if (number + 2 * turn) % every == 0 and turn % every != 1]
            if day == RULE.trained_until or (turn % 3 == 0 and day == "2017-03-20"):
                wanted.append("red wine")
            log += [(user, f"{day}T10:00:00", "purchase", name) for name in wanted]
    return log


LOG = purchases()


def settings_of_the_shop() -> Settings:
    """With windows as short as the log."""
    settings = load_settings()
    labels = JudgeLabelsSettings(outcome_days=WINDOW, real_users=3, real_ranks=2)
    source = settings.source.model_copy(update={"first_day": date.fromisoformat(FIRST)})
    examples = settings.examples.model_copy(update={"personas": 2, "categories": 3})
    return settings.model_copy(update={"judge_labels": labels, "source": source, "examples": examples})


def land_shop(land: Land) -> Lake:
    """The lake with the log, rollups, catalog, vectors and the frozen holdout."""
    days = [add_days(FIRST, number) for number in range(DAYS)]
    lake = land(LOG, days)
    rolled = {
        day: [
            {"user_id": user, "action": action, "entity_id": name, "count": 1}
            for user, at, action, name in LOG
            if at[:10] == day
        ]
        for day in days
    }
    schema = rollups.TABLE.file_schema
    put(lake, rollups.TABLE, {day: pa.Table.from_pylist(rows, schema) for day, rows in rolled.items()})
    known = [
        {
            "entity_id": f"{prefix}{name}",
            "text": f"{name}, {above.rpartition(' > ')[2]}",
            "kind": kind,
            "category": name,
            "category_path": f"{above} > {name}",
        }
        for name, (above, _) in SHOP.items()
        for prefix, kind in (("", "item"), ("category ", "category"))
    ]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(known, entities.TABLE.schema))
    vectors = [
        {"entity_id": f"category {name}", "embedder": "angles", "vector": vector.tolist()}
        for name, vector in zip(NAMES, catalog().vectors, strict=True)
    ]
    writing.insert_new(lake, entity_vectors.TABLE, pa.Table.from_pylist(vectors, entity_vectors.TABLE.schema))
    freeze(lake, RULE)
    return lake


def building(lake: Lake, settings: Settings, *written: Written, **changed: Any) -> Building:
    """What builds labels of the shop."""
    labels = settings.judge_labels.model_copy(update=changed)
    wanted = settings.model_copy(update={"judge_labels": labels})
    return Building(lake, RULE, wanted, read_catalog_facts(lake), written)


def rows_of(lake: Lake) -> list[Row]:
    """All labels of a lake."""
    return list(tables.read(lake, TABLE).to_pylist())
