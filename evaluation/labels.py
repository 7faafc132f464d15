"""Which label of a judged output counts: people's outrank built ones, and of several people the majority.

Pure functions over the rows of ``schemas.judge_labels``, which stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from evaluation.tiers import tier_of
from schemas.judge_labels import DIMENSIONS, PEOPLE, TIER

UNIT = ["item_id", "dimension"]
# A tier that was not labelled as such.
FROM_DIMENSIONS = "dimensions"


@dataclass(frozen=True)
class Merged:
    """The labels that count.

    Args:
        labels: one row an item and dimension, sorted: ``item_id``, ``dimension``, ``label``, ``origin`` (``people``, or
            the first by name of those that built it) and ``annotators``, how many people gave one, 0 for a built one.
        ties: ``item_id``, ``dimension`` of what people are divided on; it has no label, a built one neither.
        contradictions: the same of what was built in two ways with different results, and no one has labelled.
    """

    labels: pl.DataFrame
    ties: pl.DataFrame
    contradictions: pl.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """For a manifest: what has a label, by whom, and what has none."""
        people = int((self.labels["origin"] == PEOPLE).sum())
        return {
            "labels": self.labels.height,
            "by_people": people,
            "built": self.labels.height - people,
            "ties": self.ties.height,
            "contradictions": self.contradictions.height,
        }


def merge(rows: pl.DataFrame) -> Merged:
    """Decide which label of an item and dimension counts.

    Args:
        rows: of ``schemas.judge_labels``, any of them.
    """
    labelled = rows.filter(pl.col("label").is_not_null())
    people = _majority(labelled.filter(pl.col("annotator") != ""))
    built = _unanimous(labelled.filter(pl.col("annotator") == "")).join(people, on=UNIT, how="anti")
    columns = [*UNIT, "label", "origin", "annotators"]
    decided = pl.concat([frame.filter(~pl.col("divided")).select(columns) for frame in (people, built)])
    divided = (frame.filter("divided").select(UNIT).sort(UNIT) for frame in (people, built))
    return Merged(decided.sort(UNIT), *divided)


def _majority(people: pl.DataFrame) -> pl.DataFrame:
    """One row an item and dimension: the label that most annotators gave; divided where several are most."""
    votes = people.group_by([*UNIT, "label"]).agg(votes=pl.col("annotator").n_unique().cast(pl.Int64))
    most = pl.col("label").filter(pl.col("votes") == pl.col("votes").max())
    return votes.group_by(UNIT).agg(
        label=most.min(), origin=pl.lit(PEOPLE), annotators=pl.col("votes").sum(), divided=most.len() > 1
    )


def _unanimous(built: pl.DataFrame) -> pl.DataFrame:
    """The same of built labels. They are no votes: an output of two releases has each label twice."""
    return built.group_by(UNIT).agg(
        label=pl.col("label").min(),
        origin=pl.col("origin").min(),
        annotators=pl.lit(0, pl.Int64),
        divided=pl.col("label").n_unique() > 1,
    )


def items(rows: pl.DataFrame) -> pl.DataFrame:
    """The judged outputs, one row each, sorted by ``item_id``: what they are, ``split``, and ``releases``.

    ``releases`` are those that wrote the output, sorted; a built output has none.
    """
    releases = pl.col("release").filter(pl.col("release") != "").unique().sort()
    facts = pl.col("kind", "day", "user_id", "text", "category", "persona", "why", "split").first()
    return rows.group_by("item_id").agg(facts, releases=releases).sort("item_id")


def tiers(merged: Merged, kinds: Mapping[str, str], threshold: float) -> pl.DataFrame:
    """The tier of every item that has one, sorted: ``item_id``, ``label``, ``origin``.

    What people said of the tier itself counts first, then what follows from the labels of the dimensions (origin
    ``dimensions``), then a built tier of an item that no one has labelled. Without all dimensions, only B may follow.

    Args:
        kinds: kind by ``item_id``, as in ``items``.
        threshold: as of ``tier_of``.
    """
    labels = {(item, dimension): (label, origin) for item, dimension, label, origin, _ in merged.labels.iter_rows()}
    ties = set(merged.ties.iter_rows())
    seen = {item for item, _ in ties} | {item for (item, _), (_, origin) in labels.items() if origin == PEOPLE}
    found = []
    for item, kind in sorted(kinds.items()):
        tier, origin = labels.get((item, TIER), (None, ""))
        if (item, TIER) not in ties and origin != PEOPLE:
            findings = [labels[item, name][0] for name in DIMENSIONS[kind] if (item, name) in labels]
            if "negative" in findings or len(findings) == len(DIMENSIONS[kind]):
                tier, origin = tier_of(findings, threshold), FROM_DIMENSIONS
            elif item in seen:
                tier = None
        if tier:
            found.append((item, tier, origin))
    return pl.DataFrame(found, schema=dict.fromkeys(("item_id", "label", "origin"), pl.String), orient="row")


@dataclass(frozen=True)
class Overlap:
    """What several annotators said of the same items in one dimension, for measures of agreement.

    Args:
        items: ids of those with two labels or more, sorted: the rows of ``labels``.
        annotators: who labelled any of them, sorted: its columns.
        labels: None where an annotator gave none.
    """

    items: tuple[str, ...]
    annotators: tuple[str, ...]
    labels: tuple[tuple[str | None, ...], ...]

    def pairs(self, first: str, second: str) -> list[tuple[str, str]]:
        """The labels of two annotators on the items that both have labelled.

        Raises:
            ValueError: one is no annotator here.
        """
        left, right = self.annotators.index(first), self.annotators.index(second)
        return [(a, b) for row in self.labels if (a := row[left]) is not None and (b := row[right]) is not None]


def overlap(rows: pl.DataFrame, dimension: str) -> Overlap:
    """People's labels of one dimension, where there are several of an item.

    Args:
        rows: of ``schemas.judge_labels``, any of them.
        dimension: or ``tier``.
    """
    people = rows.filter((pl.col("annotator") != "") & (pl.col("dimension") == dimension))
    given: dict[str, dict[str, str]] = {}
    for item, annotator, label in people.select("item_id", "annotator", "label").iter_rows():
        given.setdefault(item, {})[annotator] = label
    shared = {item: labels for item, labels in sorted(given.items()) if len(labels) > 1}
    annotators = sorted({annotator for labels in shared.values() for annotator in labels})
    return Overlap(
        tuple(shared),
        tuple(annotators),
        tuple(tuple(labels.get(annotator) for annotator in annotators) for labels in shared.values()),
    )
