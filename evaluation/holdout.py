"""The frozen holdout of a lake: its rule, and the outcomes of its days, each written once under a digest."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from evaluation import actions
from evaluation.truth import served, truth
from lake.delta import tables, writing
from lake.registry.splits import SplitRule, add_days, next_day
from lake.store import objects
from lake.store.location import Lake
from runtime.errors import DataError, SourceMissing
from runtime.fingerprint import digest
from schemas import holdout, items

FOLDER = "_holdout"
RULE = f"{FOLDER}/registry.json"
# Of the held-out outcomes, the share whose category may be gone from the catalog: a shop drops some in time.
MOST_GONE = 0.01


def freeze_rule(lake: Lake, rule: SplitRule) -> bool:
    """Write the rule unless there is one; returns whether it was new.

    A document of before, which names the rule together with its days, is accepted as it is (``SplitRule.digests``).

    Raises:
        DataError: another rule is frozen, or the days now begin with another one.
    """
    if objects.put_if_absent(lake, RULE, rule.document()):
        return True
    frozen = objects.get(lake, RULE) or {}
    if frozen.get("digest") not in rule.digests:
        raise DataError(
            f"The lake {lake.root} has its holdout frozen under the rule {frozen.get('digest')}, and the log's "
            f"evaluation file now gives {rule.digest}: a frozen rule does not change, so go back to it, or begin with "
            "another lake. Only days may be added, after the last one."
        )
    trained_until = frozen.get("trained_until") or next_day(min(frozen["rule"]["days"]))
    if trained_until != rule.trained_until:
        raise DataError(
            f"In the lake {lake.root} training ends by {trained_until}, and the evaluation days would now have it end "
            f"by {rule.trained_until}: days are only added, at the end, so restore the first one."
        )
    return False


def freeze_day(lake: Lake, rule: SplitRule, day: str, name: str = "insert") -> dict[str, Any]:
    """Write the held-out outcomes of one day unless they are frozen; returns what was frozen, ``new`` among it.

    The digest is written first, and only by the first of several writers; then the rows go in. Killed between the two,
    the next run makes the same rows again.

    Args:
        name: fingerprint of the work, to be kept with the rows.

    Raises:
        SourceMissing: days of the history or the outcomes are not landed.
        DataError: rows and digest do not belong together.
    """
    path = _document_path(day)
    frozen = objects.get(lake, path)
    if frozen and digest_of(read_day(lake, day)) == frozen["digest"]:
        return {**frozen, "new": False}
    first, last = rule.history_from(day), add_days(rule.outcomes_until(day), -1)
    rows = held_out(actions.read(lake, first, last, rule.leave_out), day, rule)
    document = {
        "day": day,
        "outcomes_until": rule.outcomes_until(day),
        "users": rows.num_rows,
        "rule": rule.digest,
        "digest": digest_of(rows),
    }
    new = objects.put_if_absent(lake, path, document)
    frozen = objects.get(lake, path) or document
    if frozen["digest"] != document["digest"]:
        raise DataError(
            f"The holdout of {day} in {lake.root} was frozen with the digest {frozen['digest']}, and the log now gives "
            f"{document['digest']}: what was frozen does not change, so restore the table holdout or the log."
        )
    writing.insert_new(lake, holdout.TABLE, rows, fingerprint=name)
    if digest_of(read_day(lake, day)) != frozen["digest"]:
        raise DataError(f"The table holdout in {lake.root} holds other rows of {day} than were frozen: restore it.")
    return {**frozen, "new": new}


def frozen_document(lake: Lake, day: str) -> dict[str, Any]:
    """What was written when a day was frozen: users, digests of rows and rule, end of the outcomes.

    Raises:
        SourceMissing: the day is not frozen.
    """
    frozen = objects.get(lake, _document_path(day))
    if frozen is None:
        raise SourceMissing(
            f"The holdout of {day} is not frozen in {lake.root}: run `python -m evaluation.freeze --lake {lake.root}`."
        )
    return frozen


def read_frozen(lake: Lake, rule: SplitRule, day: str) -> pa.Table:
    """The frozen outcomes of a day, checked against their digest and the names of today's catalog.

    Raises:
        SourceMissing: the day is not frozen.
        DataError: the rows are not those that were frozen, were frozen under another rule, or name categories that
            nobody can find since the catalog was landed with other names.
    """
    frozen = frozen_document(lake, day)
    if frozen["rule"] not in rule.digests:
        raise DataError(
            f"The holdout of {day} in {lake.root} was frozen under the rule {frozen['rule']}, and the log's evaluation "
            f"file now gives {rule.digest}: go back to it, or begin with another lake."
        )
    rows = read_day(lake, day)
    if digest_of(rows) != frozen["digest"]:
        raise DataError(f"The table holdout in {lake.root} holds other rows of {day} than were frozen: restore it.")
    _refuse_other_names(lake, rows, day)
    return rows


def _refuse_other_names(lake: Lake, rows: pa.Table, day: str) -> None:
    """See that the outcomes' categories are in the catalog: else every recall is too low, and nobody is told."""
    known = set(tables.read(lake, items.TABLE, columns=["category"])["category"].to_pylist())
    outcomes = [name for names in rows["categories"].to_pylist() for name in names]
    gone = [name for name in outcomes if name not in known]
    if len(gone) > MOST_GONE * len(outcomes):
        raise DataError(
            f"Of the {len(outcomes):,} outcomes that were frozen for {day} in {lake.root}, {len(gone):,} are of "
            f"categories that its catalog no longer has ({min(gone)!r} is one): it was landed with other names since. "
            "Land it with the names of then (the demo log's abbreviations: INTENTFLOW_SOURCE__READABLE_LABELS=false), "
            "or begin another lake and freeze there."
        )


def read_day(lake: Lake, day: str) -> pa.Table:
    return tables.read(lake, holdout.TABLE, day)


def digest_of(rows: pa.Table) -> str:
    """Digest of held-out rows, whatever their order."""
    return digest(sorted(rows.to_pylist(), key=lambda row: (row["day"], row["user_id"])))


def held_out(known: pl.DataFrame, day: str, rule: SplitRule) -> pa.Table:
    """``schemas.holdout`` of a day: the outcomes of held-out users with enough history."""
    outcomes = served(truth(known, day, rule), rule)
    is_held_out = [rule.split_of(user) == "holdout" for user in outcomes["user_id"]]
    return outcomes.filter(pl.Series(is_held_out, dtype=pl.Boolean)).to_arrow().cast(holdout.TABLE.schema)


def _document_path(day: str) -> str:
    return f"{FOLDER}/{day}.json"
