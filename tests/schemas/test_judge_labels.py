"""What names a judged output and a label of it."""

from __future__ import annotations

from schemas.judge_labels import DIMENSIONS, SPLITS, TABLE, TIER, item_id, labels_of

OUTPUT = ("tag", "2017-11-01", "user-1", "oat milk", "Milk", "milk expert", "Bought before: milk on one day.")


def test_an_output_is_named_by_all_that_it_is() -> None:
    others = [(*OUTPUT[:part], f"{OUTPUT[part]}x", *OUTPUT[part + 1 :]) for part in range(len(OUTPUT))]
    shifted = ("tag", "2017-11-01", "user-1", "oat milkMilk", "")
    shorter = [OUTPUT[:5], ("tag", "2017-11-01", "user-1", "oat milk", "", *OUTPUT[5:]), (*OUTPUT[:5], *OUTPUT[:4:-1])]
    ids = [item_id(*output) for output in (OUTPUT, *others, *shorter, shifted)] + [item_id(*OUTPUT[:4], None)]
    assert len(set(ids)) == len(ids)
    assert item_id(*OUTPUT) == item_id(*OUTPUT)


def test_no_spreadsheet_takes_an_id_for_a_number() -> None:
    assert item_id(*OUTPUT).startswith("tag-")


def test_an_annotator_has_one_label_an_item_and_dimension() -> None:
    assert {"item_id", "dimension", "annotator"} <= set(TABLE.key)
    assert "label" not in TABLE.key


def test_a_tier_has_other_labels_than_a_dimension() -> None:
    assert labels_of(TIER) == ("S", "A", "B")
    assert {labels_of(dimension) for dimension in DIMENSIONS["tag"]} == {("negative", "neutral", "positive")}
    assert SPLITS == ("train", "validation", "holdout")
