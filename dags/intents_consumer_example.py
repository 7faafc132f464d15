"""# How another team uses the intents

Runs whenever `daily_refresh` has published a day, and logs the five categories that most users intend to buy from.
Copy it and put your own work in place of the log line.

**Owner:** intentflow, as an example.

**Reads:** `days`, which pins the versions of a published day's tables, and `intents` through it.

**Writes:** nothing.

## When it fails

- `most_wanted_categories`: the day is not published. Run `daily_refresh` for the day, then clear the task.

## Run it for other days

Publishing a day again, by a run or a backfill of `daily_refresh`, runs this one too. By hand: Trigger, with the
day as partition key and an empty logical date.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from airflow.sdk import IdentityMapper, PartitionedAssetTimetable, dag, get_current_context, task

from tasks.assets import INTENTS
from tasks.policy import DEFAULT_ARGS, Tag
from tasks.wanted import most_wanted

log = logging.getLogger(__name__)


@task(execution_timeout=timedelta(minutes=10))
def most_wanted_categories() -> list[list[str | int]]:
    context = get_current_context()
    day = context["partition_key"]
    # What the producer says about the day travels with the event; there is none when a person triggered the run.
    for event in context["triggering_asset_events"].get(INTENTS, []):
        log.info("%s was published with release %s", day, event.extra.get("release"))
    ranked = most_wanted(day, top=5)
    for category, users in ranked:
        log.info("%6d users intend to buy from %s", users, category)
    return [[category, users] for category, users in ranked]


@dag(
    # The day is the producer's partition key, unchanged.
    schedule=PartitionedAssetTimetable(assets=INTENTS, default_partition_mapper=IdentityMapper()),
    catchup=False,
    is_paused_upon_creation=True,
    # It only reads: days may come in any order and side by side.
    max_active_runs=4,
    default_args=DEFAULT_ARGS,
    tags=[Tag.INTENTS, Tag.EXAMPLE],
    description="Example of a consumer: the five most wanted categories of each published day.",
    doc_md=__doc__,
)
def intents_consumer_example() -> None:
    most_wanted_categories()


intents_consumer_example()
