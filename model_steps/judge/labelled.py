"""Judged outputs with their labels, and their way to rows of ``judge_labels`` and back. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lake.registry.splits import Split
from model_steps.judge.case import KIND, Case, Customer
from model_steps.judge.rules import Finding
from runtime.errors import DataError
from schemas.judge_labels import TABLE

Row = dict[str, Any]


@dataclass(frozen=True)
class Label:
    """What is known of one dimension of a case, and what that rests on."""

    dimension: str
    finding: Finding
    origin: str


@dataclass(frozen=True)
class LabelledCase:
    """A case with its labels, at most one an origin and dimension."""

    case: Case
    labels: tuple[Label, ...]


def rows_of(labelled: Iterable[LabelledCase], split: Split) -> list[Row]:
    """Rows of ``schemas.judge_labels``, one a label.

    Args:
        split: of all of the cases' users.
    """
    return [
        {
            "item_id": one.case.item_id,
            "kind": KIND,
            "day": one.case.customer.day,
            "user_id": one.case.customer.user_id,
            "text": one.case.text,
            "category": one.case.category,
            "persona": one.case.persona,
            "why": one.case.why,
            "dimension": label.dimension,
            "label": label.finding,
            "origin": label.origin,
            "annotator": "",
            "split": split,
            "release": one.case.release,
            "comment": None,
        }
        for one in labelled
        for label in one.labels
    ]


def cases_of(rows: Iterable[Mapping[str, Any]], customers: Mapping[tuple[str, str], Customer]) -> list[Case]:
    """The cases that rows of ``judge_labels`` are of: one an item and release that wrote it, sorted by these.

    Args:
        rows: any of them. People's add no case, for they name no release and only speak of items that are there.
        customers: by day and user.

    Raises:
        DataError: what was known of a row's customer is not given.
    """
    found: dict[tuple[str, str], Case] = {}
    for row in rows:
        if row["annotator"] or row["kind"] != KIND:
            continue
        place = (row["item_id"], row["release"])
        if place in found:
            continue
        customer = customers.get((row["day"], row["user_id"]))
        if customer is None:
            raise DataError(
                f"The judged output {row['item_id']} is of user {row['user_id']} on {row['day']}, of whom nothing is "
                "known on that day: read the customers of all days that labels have, from the lake they were built of."
            )
        texts = (row["text"], row["category"], row["persona"] or "", row["why"] or "")
        found[place] = Case(row["item_id"], customer, *texts, row["release"])
    return [found[place] for place in sorted(found)]


def count(rows: Sequence[Row]) -> dict[str, int]:
    """Rows by ``split/dimension/origin/label``, sorted."""
    found: dict[str, int] = {}
    for row in rows:
        name = "/".join(row[part] for part in ("split", "dimension", "origin", "label"))
        found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items()))


def refuse_other_labels(rows: Sequence[Row], there: Sequence[Row]) -> None:
    """See that no label that is there says something else than the same one now.

    Raises:
        DataError: one does, because the log or the code has changed since.
    """
    labels = {tuple(row[name] for name in TABLE.key): row["label"] for row in there}
    others = [row for row in rows if labels.get(tuple(row[name] for name in TABLE.key), row["label"]) != row["label"]]
    if others:
        first = others[0]
        raise DataError(
            f"{len(others)} labels are in the table {TABLE.name} already and said something else then "
            f"({first['item_id']}, {first['dimension']} by {first['origin']}, is the first): the log or the code has "
            "changed since. What was labelled is never overwritten: go back with `python -m lake restore "
            f"{TABLE.name} --version N`, or build with another INTENTFLOW_JUDGE_LABELS__SEED."
        )
