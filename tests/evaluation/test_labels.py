"""Which label counts, on a handful of rows."""

from __future__ import annotations

import random

import pytest

from evaluation.labels import Merged, items, merge, overlap, tiers
from schemas.judge_labels import DIMENSIONS
from tests.evaluation.label_rows import Row, built, frame, given, item


def found(merged: Merged) -> dict[tuple[str, str], tuple[str, str, int]]:
    return {
        (row["item_id"], row["dimension"]): (row["label"], row["origin"], row["annotators"])
        for row in merged.labels.to_dicts()
    }


def test_people_outrank_what_was_built_item_by_item_and_dimension_by_dimension() -> None:
    merged = merge(
        frame(
            built("milk", "relevance", "positive"),
            built("milk", "validity", "positive", origin="catalog"),
            built("soap", "relevance", "negative", origin="shuffled"),
            given("milk", "relevance", "neutral", "ann"),
        )
    )
    assert found(merged) == {
        (item("milk"), "relevance"): ("neutral", "people", 1),
        (item("milk"), "validity"): ("positive", "catalog", 0),
        (item("soap"), "relevance"): ("negative", "shuffled", 0),
    }
    assert merged.counts == {"labels": 3, "by_people": 1, "built": 2, "ties": 0, "contradictions": 0}


def test_of_several_annotators_most_decide() -> None:
    labels = {"ann": "negative", "ben": "positive", "cid": "negative"}
    rows = [given("milk", "relevance", label, name) for name, label in labels.items()]
    assert found(merge(frame(*rows))) == {(item("milk"), "relevance"): ("negative", "people", 3)}


@pytest.mark.parametrize("labels", [["negative", "positive"], ["negative", "neutral", "positive"], [*"nnpp"]])
def test_a_tie_has_no_label_not_even_the_built_one(labels: list[str]) -> None:
    rows = [given("milk", "relevance", label, f"annotator {n}") for n, label in enumerate(labels)]
    merged = merge(frame(built("milk", "relevance", "positive"), built("milk", "validity", "positive"), *rows))
    assert list(found(merged)) == [(item("milk"), "validity")]
    assert merged.ties.rows() == [(item("milk"), "relevance")]
    assert merged.counts["ties"] == 1


def test_an_output_of_two_releases_has_one_built_label() -> None:
    merged = merge(
        frame(
            built("milk", "relevance", "positive", origin="real_output", release="r1"),
            built("milk", "relevance", "positive", origin="real_output", release="r2"),
            built("milk", "relevance", "positive", origin="outcome"),
        )
    )
    assert found(merged) == {(item("milk"), "relevance"): ("positive", "outcome", 0)}


def test_what_was_built_in_two_ways_with_two_results_has_no_label_until_people_give_one() -> None:
    rows = [built("milk", "relevance", "positive"), built("milk", "relevance", "negative", origin="shuffled")]
    merged = merge(frame(*rows))
    assert found(merged) == {}
    assert merged.contradictions.rows() == [(item("milk"), "relevance")]
    merged = merge(frame(*rows, given("milk", "relevance", "negative", "ann")))
    assert found(merged) == {(item("milk"), "relevance"): ("negative", "people", 1)}
    assert merged.counts["contradictions"] == 0


def test_an_output_that_only_waits_for_people_has_no_label() -> None:
    merged = merge(frame(built("milk", "relevance", None, origin="real_output", release="r1")))
    assert merged.counts == dict.fromkeys(merged.counts, 0)


def test_no_rows_give_no_labels() -> None:
    merged = merge(frame())
    assert merged.counts == dict.fromkeys(merged.counts, 0)
    assert tiers(merged, {}, 0.75).height == 0
    assert items(frame()).height == 0
    assert overlap(frame(), "relevance").items == ()


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [built(text, name, "positive") for text in "abc" for name in DIMENSIONS["tag"]]
    rows += [given(text, "relevance", "negative", name) for text in "ab" for name in "xy"]
    first = merge(frame(*rows))
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        again = merge(frame(*rows))
        assert again.labels.equals(first.labels)
        assert overlap(frame(*rows), "relevance") == overlap(frame(*sorted(rows, key=str)), "relevance")


def test_an_item_knows_the_releases_that_wrote_it() -> None:
    rows = frame(
        built("milk", "relevance", "positive", origin="real_output", release="r2"),
        built("milk", "validity", "positive", origin="real_output", release="r2"),
        built("milk", "relevance", "positive", origin="real_output", release="r1"),
        given("milk", "relevance", "negative", "ann"),
        built("soap", "relevance", "negative"),
    )
    shown = {row["text"]: (row["releases"], row["split"], row["kind"]) for row in items(rows).to_dicts()}
    assert shown == {"milk": (["r1", "r2"], "holdout", "tag"), "soap": ([], "holdout", "tag")}


# --- tiers


def all_dimensions(text: str, *labels: str) -> list[Row]:
    return [built(text, name, label) for name, label in zip(DIMENSIONS["tag"], labels, strict=True)]


def tier(*rows: Row) -> tuple[str, str] | None:
    table = tiers(merge(frame(*rows)), {item("milk"): "tag"}, 0.75)
    assert table.height <= 1
    return next(((row["label"], row["origin"]) for row in table.to_dicts()), None)


P, N, D = "positive", "neutral", "negative"


def test_a_tier_follows_from_the_dimensions() -> None:
    assert tier(*all_dimensions("milk", P, P, P, N)) == ("S", "dimensions")
    assert tier(*all_dimensions("milk", P, P, N, N)) == ("A", "dimensions")
    assert tier(*all_dimensions("milk", P, P, P, D)) == ("B", "dimensions")


def test_with_a_dimension_missing_only_a_defect_is_certain() -> None:
    assert tier(*all_dimensions("milk", P, P, P, P)[:3]) is None
    assert tier(*all_dimensions("milk", P, D, P, P)[:3]) == ("B", "dimensions")


def test_people_change_the_tier_by_a_dimension_or_by_itself() -> None:
    rows = [*all_dimensions("milk", P, P, P, P), built("milk", "tier", "S")]
    assert tier(*rows, given("milk", "validity", D, "ann")) == ("B", "dimensions")
    assert tier(*rows, given("milk", "tier", "A", "ann")) == ("A", "people")


def test_a_built_tier_counts_only_where_nothing_else_is_known() -> None:
    alone = built("milk", "tier", "S", origin="catalog")
    assert tier(alone) == ("S", "catalog")
    assert tier(alone, *all_dimensions("milk", P, P, N, N)) == ("A", "dimensions")
    assert tier(alone, given("milk", "relevance", N, "ann")) is None


def test_people_divided_on_the_tier_leave_none() -> None:
    rows = [*all_dimensions("milk", P, P, P, P), built("milk", "tier", "S")]
    divided = [given("milk", "tier", "S", "ann"), given("milk", "tier", "B", "ben")]
    assert tier(*rows, *divided) is None
    divided = [given("milk", "validity", P, "ann"), given("milk", "validity", N, "ben")]
    assert tier(*rows, *divided) is None


# --- what agreement is computed from


def test_annotators_meet_where_they_labelled_the_same() -> None:
    rows = frame(
        built("milk", "relevance", P),
        given("milk", "relevance", P, "ben"),
        given("milk", "relevance", D, "ann"),
        given("soap", "relevance", N, "ann"),
        given("soap", "relevance", N, "cid"),
        given("soap", "validity", N, "ben"),
        given("tea", "relevance", D, "ann"),
    )
    table = overlap(rows, "relevance")
    expected = {item("milk"): (D, P, None), item("soap"): (N, None, N)}
    assert table.annotators == ("ann", "ben", "cid")
    assert table.items == tuple(sorted(expected))
    assert dict(zip(table.items, table.labels, strict=True)) == expected
    assert table.pairs("ann", "ben") == [(D, P)]
    assert table.pairs("cid", "ann") == [(N, N)]
    assert table.pairs("ben", "cid") == []
    assert overlap(rows, "validity").items == ()
    with pytest.raises(ValueError, match=r"not in tuple"):
        table.pairs("ann", "zoe")
