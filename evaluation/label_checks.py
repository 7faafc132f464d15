"""Whether people's labels can be taken in: known items, dimensions and labels, and nobody contradicts himself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from evaluation.label_files import GivenLabel, Problem, shown
from schemas.judge_labels import DIMENSIONS, TIER, labels_of

LONGEST_ANNOTATOR = 60
LONGEST_COMMENT = 1_000
# Control and format characters, line and paragraph separators.
UNWANTED = frozenset({"Cc", "Cf", "Zl", "Zp"})
# Without them some scripts, and some pictures, cannot be written.
JOINERS = "\u200c\u200d"

Row = Mapping[str, Any]
Place = tuple[str, str, str]


def check(labels: Sequence[GivenLabel], known: Iterable[Row]) -> list[Problem]:
    """All that is wrong, in the order of the lines; a line may have several problems.

    Args:
        labels: what a file says.
        known: rows of ``schemas.judge_labels`` with these items: ``item_id``, ``kind``, ``dimension``, ``label``,
            ``annotator``. Those without an annotator are the items that may be labelled.
    """
    kinds: dict[str, str] = {}
    earlier: dict[Place, str] = {}
    for row in known:
        if row["annotator"]:
            earlier[row["item_id"], row["dimension"], row["annotator"]] = row["label"]
        else:
            kinds[row["item_id"]] = row["kind"]
    problems = []
    in_file: dict[Place, GivenLabel] = {}
    for label in labels:
        sentences = [*_unknown(label, kinds), *_unfit_text(label), *_contradictions(label, in_file, earlier)]
        problems += [Problem(label.line, sentence) for sentence in sentences]
    return problems


def _unknown(label: GivenLabel, kinds: Mapping[str, str]) -> Iterator[str]:
    kind = kinds.get(label.item_id)
    if kind is None:
        yield f"the item {shown(label.item_id)} is not among those to be labelled: copy its item_id from the sheet"
    of_kinds = [DIMENSIONS[kind]] if kind else DIMENSIONS.values()
    dimensions = [*dict.fromkeys(name for names in of_kinds for name in names), TIER]
    if label.dimension not in dimensions:
        yield f"the dimension {shown(label.dimension)} is unknown: write one of {', '.join(dimensions)}"
    elif label.label not in labels_of(label.dimension):
        yield (
            f"the label {shown(label.label)} is none of {label.dimension}: write one of "
            f"{', '.join(labels_of(label.dimension))}"
        )


def _unfit_text(label: GivenLabel) -> Iterator[str]:
    if len(label.annotator) > LONGEST_ANNOTATOR:
        yield f"the annotator has {len(label.annotator)} characters: write at most {LONGEST_ANNOTATOR}"
    if not label.annotator.isprintable():
        yield f"the annotator {shown(label.annotator)} holds a control or invisible character: take it out"
    comment = label.comment or ""
    if len(comment) > LONGEST_COMMENT:
        yield f"the comment has {len(comment):,} characters: write at most {LONGEST_COMMENT:,}"
    if any(unicodedata.category(sign) in UNWANTED and sign not in JOINERS for sign in comment):
        yield f"the comment {shown(comment)} holds a control or invisible character: take it out"


def _contradictions(label: GivenLabel, in_file: dict[Place, GivenLabel], earlier: Mapping[Place, str]) -> Iterator[str]:
    """What an annotator has said otherwise; a label that nobody has given yet is noted."""
    place = (label.item_id, label.dimension, label.annotator)
    before = in_file.setdefault(place, label)
    if before.label != label.label:
        yield (
            f"contradicts line {before.line}, where {shown(label.annotator)} gave {shown(before.label)} to the same "
            "item and dimension: keep one of the two lines"
        )
    imported = earlier.get(place, label.label)
    if imported != label.label:
        yield (
            f"contradicts what {shown(label.annotator)} gave in an earlier import ({shown(imported)}): what was "
            "imported is never overwritten, so leave the line out"
        )
