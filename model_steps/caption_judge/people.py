"""People's labels of captions: checked line by line, kept once, and outranking every other label. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from evaluation.label_files import GivenLabel, Problem, shown
from model_steps.caption_judge.dimensions import DIMENSIONS, FINDINGS

LONGEST_ANNOTATOR = 60
Row = Mapping[str, Any]


def check(labels: Sequence[GivenLabel], known: Collection[str], earlier: Iterable[Row]) -> list[Problem]:
    """All that is wrong with a file, in the order of its lines.

    Args:
        known: ids of the captions that may be labelled. earlier: rows that were taken in before.
    """
    said = {_place(row): row["label"] for row in earlier}
    problems = []
    for label in labels:
        problems += [Problem(label.line, sentence) for sentence in _wrong(label, known, said)]
        said.setdefault((label.item_id, label.dimension, label.annotator), label.label)
    return problems


def _wrong(label: GivenLabel, known: Collection[str], said: Mapping[tuple[str, str, str], str]) -> Iterator[str]:
    if label.item_id not in known:
        yield f"the caption {shown(label.item_id)} is not among those to be labelled: copy its case_id"
    if label.dimension not in DIMENSIONS:
        yield f"the dimension {shown(label.dimension)} is unknown: write one of {', '.join(DIMENSIONS)}"
    if label.label not in FINDINGS:
        yield f"the label {shown(label.label)} is unknown: write one of {', '.join(FINDINGS)}"
    if len(label.annotator) > LONGEST_ANNOTATOR or not label.annotator.isprintable():
        yield f"the annotator is no name of at most {LONGEST_ANNOTATOR} visible characters: write initials"
    before = said.get((label.item_id, label.dimension, label.annotator), label.label)
    if before != label.label:
        yield (
            f"contradicts {shown(before)}, which {shown(label.annotator)} gave to the same caption and dimension: keep "
            "one of the two"
        )


def _place(row: Row) -> tuple[str, str, str]:
    return row["case_id"], row["dimension"], row["annotator"]


def added(labels: Iterable[GivenLabel], earlier: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows that are new, in the order of the labels."""
    known = {_place(row) for row in earlier}
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for label in labels:
        row = {
            "case_id": label.item_id,
            "dimension": label.dimension,
            "label": label.label,
            "annotator": label.annotator,
            "comment": label.comment,
        }
        if _place(row) not in known:
            found.setdefault(_place(row), row)
    return list(found.values())


def counted(rows: Iterable[Row]) -> dict[tuple[str, str], str | None]:
    """By caption and dimension what most annotators say; None on a tie, and then no label counts."""
    votes: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        votes.setdefault((row["case_id"], row["dimension"]), Counter())[row["label"]] += 1
    found: dict[tuple[str, str], str | None] = {}
    for place, counts in votes.items():
        first, *others = counts.most_common(2)
        found[place] = None if others and others[0][1] == first[1] else first[0]
    return found
