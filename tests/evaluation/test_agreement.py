"""Agreement on tables that are done by hand or stand in textbooks."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from sklearn import metrics

from evaluation.agreement import Agreement, agreement, paired_agreement, reliability
from evaluation.class_codes import Labels
from evaluation.cluster_bootstrap import ClusterInterval
from runtime.errors import DataError, UsageError

TIERS = ("S", "A", "B")
REFERENCE = list("SSSSAAABBB")
JUDGED = list("SSSAAASBBA")
# Each user has two items.
USERS = [f"user{at // 2}" for at in range(10)]


def judge(reference: Labels, judged: Labels, users: Sequence[str] | None = None) -> Agreement:
    return agreement(reference, judged, users or [str(at) for at in range(len(reference))], TIERS, "S")


def value(found: ClusterInterval) -> float | None:
    return found.value


def test_figures_done_by_hand() -> None:
    found = judge(REFERENCE, JUDGED, USERS)
    assert (found.items, found.users) == (10, 5)
    assert found.confusion == ((3, 1, 0), (1, 2, 0), (0, 1, 2))
    assert value(found.accuracy) == 0.7
    # By chance (4 x 4 + 3 x 4 + 3 x 2) / 100 = 0.34; (0.7 - 0.34) / (1 - 0.34).
    assert value(found.kappa) == 0.5455
    assert value(found.f1) == 0.75  # 2 x 3 / (4 + 4)
    assert {name: value(rate) for name, rate in found.true_positive_rate.items()} == {
        "S": 0.75,
        "A": 0.6667,
        "B": 0.6667,
    }
    # 5 of 6, 5 of 7, 7 of 7.
    assert {name: value(rate) for name, rate in found.true_negative_rate.items()} == {
        "S": 0.8333,
        "A": 0.7143,
        "B": 1.0,
    }
    assert {name: value(rate) for name, rate in found.base_rates.items()} == {"S": 0.4, "A": 0.3, "B": 0.3}
    assert {name: value(rate) for name, rate in found.judged_rates.items()} == {"S": 0.4, "A": 0.4, "B": 0.2}


def test_figures_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    reference = generator.choice(TIERS, 300, p=[0.2, 0.3, 0.5])
    judged = np.where(generator.random(300) < 0.6, reference, generator.choice(TIERS, 300))
    found = judge(reference.tolist(), judged.tolist())
    assert value(found.accuracy) == pytest.approx(metrics.accuracy_score(reference, judged), abs=5e-5)
    assert value(found.kappa) == pytest.approx(metrics.cohen_kappa_score(reference, judged), abs=5e-5)
    assert value(found.f1) == pytest.approx(metrics.f1_score(reference == "S", judged == "S"), abs=5e-5)
    for name in TIERS:
        sensitivity = metrics.recall_score(reference == name, judged == name)
        specificity = metrics.recall_score(reference != name, judged != name)
        assert value(found.true_positive_rate[name]) == pytest.approx(sensitivity, abs=5e-5)
        assert value(found.true_negative_rate[name]) == pytest.approx(specificity, abs=5e-5)


def test_where_one_class_dominates_kappa_is_low_at_high_accuracy() -> None:
    """118 and 0 agreed, 5 and 2 not: why the base rates stand beside kappa."""
    found = judge(["S"] * 118 + ["S"] * 5 + ["A"] * 2, ["S"] * 118 + ["A"] * 5 + ["S"] * 2)
    assert value(found.accuracy) == 0.944
    assert value(found.kappa) == -0.0234  # (118 x 125 - 14,770) / (125 x 125 - 14,770)
    assert (value(found.base_rates["S"]), value(found.judged_rates["S"])) == (0.984, 0.96)


def test_one_class_alone_shows_no_agreement() -> None:
    found = judge(["A"] * 6, ["A"] * 6)
    nothing = ClusterInterval(None, None, None, 2_000)
    assert value(found.accuracy) == 1.0
    assert found.kappa == nothing
    assert found.f1 == nothing
    assert found.true_positive_rate["S"] == nothing
    assert found.true_negative_rate["A"] == nothing


def test_a_class_that_the_judge_never_gives_has_figures() -> None:
    found = judge(list("SSAA"), list("AAAA"))
    assert (value(found.f1), value(found.kappa), value(found.true_positive_rate["S"])) == (0.0, 0.0, 0.0)


def test_draws_in_which_kappa_is_undefined_are_told() -> None:
    """One user of S alone and one of A alone: half of the draws hold one of them twice."""
    found = judge(list("SSAA"), list("SSAA"), ["ann", "ann", "bob", "bob"]).kappa
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
    assert 900 < found.undefined < 1_100


def test_items_that_one_left_out_do_not_count() -> None:
    reference: Labels = ["S", "A", None, "B", "S"]
    judged: Labels = ["S", "B", "A", None, "S"]
    found = judge(reference, judged, ["ann", "bob", "bob", "cat", "dan"])
    assert (found.items, found.users, value(found.accuracy)) == (3, 3, 0.6667)


def test_without_a_common_item_there_is_nothing() -> None:
    found = judge(["S", None], [None, "S"])
    assert (found.items, found.users) == (0, 0)
    assert found.accuracy == found.kappa == found.f1 == ClusterInterval(None, None, None, 0)
    assert reliability({"ann": ["S", None], "bob": [None, "S"]}, ["x", "y"], TIERS).alpha.value is None


def test_all_items_of_a_user_come_along() -> None:
    """Thirty alike items of each of 12 users are 12 pieces of evidence."""
    reference, judged = list("SABSABSABSAB"), list("SABSABSAAAAA")
    once = judge(reference, judged)
    users = [str(at) for at in range(12) for _ in range(30)]
    many = judge(
        [label for label in reference for _ in range(30)], [label for label in judged for _ in range(30)], users
    )
    assert many.accuracy == once.accuracy
    assert many.kappa == once.kappa


def test_a_judge_minus_its_rival() -> None:
    rival: Labels = list("SSAAAASBAA")
    found = paired_agreement(REFERENCE, JUDGED, rival, USERS, TIERS, "S")
    assert value(found["accuracy"]) == 0.2  # 7 and 5 of 10
    assert value(found["f1"]) == 0.1786  # 0.75 - 2 x 2 / (4 + 3)
    assert value(found["true_positive_rate/B"]) == 0.3333
    # By chance (4 x 3 + 3 x 6 + 3 x 1) / 100: kappa of the rival (0.5 - 0.33) / 0.67.
    assert value(found["kappa"]) == 0.2917


def test_both_judges_see_the_same_draws() -> None:
    """One more of four items right with every user, whatever the user's level: no draw shows another difference."""
    levels = np.random.default_rng(2).integers(0, 4, 30)
    judged = [label for level in levels for label in "S" * (level + 1) + "A" * (3 - level)]
    rival = [label for level in levels for label in "S" * level + "A" * (4 - level)]
    users = [str(at) for at in range(30) for _ in range(4)]
    found = paired_agreement(["S"] * 120, judged, rival, users, TIERS, "S")["accuracy"]
    assert found == ClusterInterval(0.25, 0.25, 0.25, 0)


def test_judges_are_compared_on_items_that_both_labelled() -> None:
    judged: Labels = ["S", "S", None, "A"]
    rival: Labels = ["S", None, "A", "S"]
    found = paired_agreement(["S", "A", "A", "A"], judged, rival, list("wxyz"), TIERS, "S")
    assert value(found["accuracy"]) == 0.5


# Krippendorff, "Computing Krippendorff's alpha-reliability" (2011): binary, nominal, and nominal with missing labels;
# the last is the example of "Krippendorff's alpha" in Wikipedia.
PUBLISHED = {
    0.095: ["0100000010", "1110010000"],
    0.692: ["aabbdcccedda", "babbbccceddd"],
    0.743: ["123321412...", "1233224125.3", ".3332342251.", "12332441251."],
    0.691: [".....34121133.3", "1.213343.......", "..21344.21133.4"],
}


@pytest.mark.parametrize(("published", "rows"), PUBLISHED.items())
def test_alpha_is_the_published_one(published: float, rows: list[str]) -> None:
    annotators: dict[str, Labels] = {
        str(at): [None if label == "." else label for label in row] for at, row in enumerate(rows)
    }
    users = [str(at) for at in range(len(rows[0]))]
    found = reliability(annotators, users, sorted(set("".join(rows)) - {"."}))
    assert value(found.alpha) == pytest.approx(published, abs=5e-4)
    assert found.annotators == len(rows)


def test_alpha_done_by_hand() -> None:
    """S S A and A A: of 5 labels 2 are S; the first item's 6 ordered pairs count half each, 2 disagreeing."""
    found = reliability({"ann": list("SA"), "bob": list("SA"), "cat": ["A", None]}, ["x", "y"], TIERS)
    assert value(found.alpha) == 0.3333  # 1 - 4 x 2 / (25 - 4 - 9)
    assert (found.annotators, found.items, found.users) == (3, 2, 2)


def test_labels_that_nobody_else_gave_do_not_count() -> None:
    labels: dict[str, Labels] = {"ann": ["S", "A", "B", "S"], "bob": ["S", "A", None, "A"]}
    with_one_more = reliability(labels, list("wxyz"), TIERS)
    without = reliability({"ann": ["S", "A", "S"], "bob": ["S", "A", "A"]}, list("wxz"), TIERS)
    assert with_one_more.alpha == without.alpha
    assert (with_one_more.items, with_one_more.users) == (3, 3)


def test_alpha_of_one_class_alone_is_undefined() -> None:
    found = reliability({"ann": list("SSS"), "bob": list("SSS"), "cat": list("SSS")}, list("xyz"), TIERS)
    assert found.alpha == ClusterInterval(None, None, None, 2_000)
    assert reliability({"ann": list("SA")}, ["x", "y"], TIERS).alpha.value is None


def test_records_can_be_stored() -> None:
    stored = json.loads(json.dumps(judge(REFERENCE, JUDGED, USERS).as_dict()))
    assert stored["kappa"].keys() == {"value", "low", "high", "undefined"}
    assert stored["confusion"] == [[3, 1, 0], [1, 2, 0], [0, 1, 2]]
    assert json.loads(json.dumps(reliability({"ann": REFERENCE, "bob": JUDGED}, USERS, TIERS).as_dict()))["items"] == 10


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(DataError, match=r"'s' that a judge gave to item 1 .* is none of S, A, B"):
        judge(["S", "A"], ["S", "s"])
    with pytest.raises(DataError, match="2 items, and 1 labels of a judge"):
        judge(["S", "A"], ["S"])
    with pytest.raises(DataError, match="3 labels of bob"):
        reliability({"ann": list("SA"), "bob": list("SAB")}, ["x", "y"], TIERS)
    with pytest.raises(UsageError, match="'Superior' is none of the classes"):
        agreement(REFERENCE, JUDGED, USERS, TIERS, "Superior")
    with pytest.raises(UsageError, match="named twice"):
        agreement(REFERENCE, JUDGED, USERS, ("S", "A", "B", "S"), "S")
