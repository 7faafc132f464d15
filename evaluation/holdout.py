"""The frozen holdout of a lake: its rule, and the outcomes of its days, each written once under a digest."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from evaluation import actions
from evaluation.truth import served, truth
from lake.delta import tables, writing
from lake.registry.splits import Registry, add_days
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest
from schemas import behaviors, holdout

FOLDER = "_holdout"
RULE = f"{FOLDER}/registry.json"


def freeze_rule(lake: Lake, registry: Registry) -> bool:
    """Write the rule unless there is one; returns whether it was new.

    Raises:
        DataError: another rule is frozen.
    """
    if objects.put_if_absent(lake, RULE, registry.document()):
        return True
    frozen = objects.get(lake, RULE) or {}
    if frozen.get("digest") != registry.digest:
        raise DataError(
            f"The lake {lake.root} has its holdout frozen under the rule {frozen.get('digest')}, and this code's is "
            f"{registry.digest}: a frozen rule does not change, so go back to it, or begin with another lake."
        )
    return False


def freeze_day(lake: Lake, registry: Registry, day: str) -> dict[str, Any]:
    """Write the held-out outcomes of one day unless they are frozen; returns what was frozen, ``new`` among it.

    The digest is written first, and only by the first of several writers; then the rows go in. Killed between the two,
    the next run makes the same rows again.

    Raises:
        SourceMissing: days of the history or the outcomes are not landed.
        DataError: rows and digest do not belong together.
    """
    path = f"{FOLDER}/{day}.json"
    frozen = objects.get(lake, path)
    if frozen and digest_of(read_day(lake, day)) == frozen["digest"]:
        return {**frozen, "new": False}
    rows = _rows(lake, registry, day)
    document = {
        "day": day,
        "outcomes_until": registry.outcomes_until(day),
        "users": rows.num_rows,
        "rule": registry.digest,
        "digest": digest_of(rows),
    }
    new = objects.put_if_absent(lake, path, document)
    frozen = objects.get(lake, path) or document
    if frozen["digest"] != document["digest"]:
        raise DataError(
            f"The holdout of {day} in {lake.root} was frozen with the digest {frozen['digest']}, and the log now gives "
            f"{document['digest']}: what was frozen does not change, so restore the table holdout or the log."
        )
    writing.insert_new(lake, holdout.TABLE, rows)
    if digest_of(read_day(lake, day)) != frozen["digest"]:
        raise DataError(f"The table holdout in {lake.root} holds other rows of {day} than were frozen: restore it.")
    return {**frozen, "new": new}


def read_frozen(lake: Lake, registry: Registry, day: str) -> pa.Table:
    """The frozen outcomes of a day, checked against their digest.

    Raises:
        SourceMissing: the day is not frozen. DataError: the rows are not those that were frozen.
    """
    frozen = objects.get(lake, f"{FOLDER}/{day}.json")
    if frozen is None:
        raise SourceMissing(
            f"The holdout of {day} is not frozen in {lake.root}: run `python -m evaluation.freeze --lake {lake.root}`."
        )
    rows = read_day(lake, day)
    if digest_of(rows) != frozen["digest"] or frozen["rule"] != registry.digest:
        raise DataError(f"The table holdout in {lake.root} holds other rows of {day} than were frozen: restore it.")
    return rows


def read_day(lake: Lake, day: str) -> pa.Table:
    return tables.read(lake, holdout.TABLE, day)


def digest_of(rows: pa.Table) -> str:
    """Digest of held-out rows, whatever their order."""
    return digest(sorted(rows.to_pylist(), key=lambda row: (row["day"], row["user_id"])))


def _rows(lake: Lake, registry: Registry, day: str) -> pa.Table:
    first, last = registry.history_from(day), add_days(registry.outcomes_until(day), -1)
    landed = tables.published_days(lake, behaviors.TABLE)
    span = [add_days(first, number) for number in range(registry.history_days + registry.outcome_days)]
    if missing := [one for one in span if one not in landed]:
        raise SourceMissing(
            f"The holdout of {day} needs the log from {first} to {last}, and {len(missing)} of these days are not "
            f"landed in {lake.root} ({missing[0]} first): land them with `python -m spark_jobs.land`."
        )
    return held_out(actions.read(lake, first, last, registry.leave_out), day, registry)


def held_out(known: pl.DataFrame, day: str, registry: Registry) -> pa.Table:
    """``schemas.holdout`` of a day: the outcomes of held-out users with enough history."""
    found = served(truth(known, day, registry), registry)
    held = [registry.split_of(user) == "holdout" for user in found["user_id"]]
    return found.filter(pl.Series(held, dtype=pl.Boolean)).to_arrow().cast(holdout.TABLE.schema)
