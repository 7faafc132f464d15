"""The parts of lists' rewards: what is handed to the pure functions, and of whom the expensive one is asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest

from model_steps.training.experts.personas import PersonaExample
from model_steps.training.reinforcement.rewards import BANDS
from model_steps.training.reinforcement.scoring import Scoring
from tests.model_steps.list_world import TAGS, catalog

PERSONA = PersonaExample("ann", "2017-08-23", 0, "train", (2, 3), ("corn", "soap"))
THRESHOLDS = {"alignment": 0.5, "diversity": 0.5, "length": 0.7}


class Judge:
    """Scores a tag by its length, and does not know soap."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def scores(self, persona: PersonaExample, tags: Sequence[str]) -> list[float | None]:
        self.asked += tags
        return [None if tag == "soap" else len(tag) / 100 for tag in tags]


def scoring(judge: Judge | None) -> Scoring:
    return Scoring(catalog(), {tag: tag for tag in TAGS}, BANDS["english"], judge)


def test_each_list_has_its_parts() -> None:
    judge = Judge()
    found = scoring(judge).parts(PERSONA, [["corn", "white milk"], ["corn oil", "soap"]])
    assert found[0] == {"accuracy": 0.5, "diversity": 1.0, "length": 0.75, "alignment": pytest.approx(0.07)}
    # A tag that the judge does not know leaves its list without alignment.
    assert found[1] == {"accuracy": 0.5, "diversity": 1.0, "length": 0.75, "alignment": None}
    assert judge.asked == sorted({"corn", "white milk", "corn oil", "soap"})


def test_without_a_reward_model_alignment_is_no_part() -> None:
    assert set(scoring(None).parts(PERSONA, [["corn", "soap"]])[0]) == {"accuracy", "diversity", "length"}


def test_alignment_is_asked_where_it_decides() -> None:
    judge = Judge()
    lists = [
        ["white milk", "skim milk"],  # names nothing that came true
        ["corn", "corn oil"],  # lies too close together
        ["corn", "white milk"],
    ]
    found = scoring(judge).parts(PERSONA, lists, THRESHOLDS)
    assert [parts["alignment"] for parts in found] == [None, None, pytest.approx(0.07)]
    assert judge.asked == ["corn", "white milk"]


def test_of_a_long_list_some_tags_stand_for_all() -> None:
    tags = ["corn", "white milk", "corn oil", "skim milk"]
    means: set[float] = set()
    for order in permutations(tags):
        judge = Judge()
        some = Scoring(catalog(), {tag: tag for tag in TAGS}, BANDS["english"], judge, judged=2)
        (found,) = some.parts(PERSONA, [list(order)])
        assert len(judge.asked) == 2
        assert found["alignment"] == pytest.approx(sum(map(len, judge.asked)) / 200)
        assert found["accuracy"] == 0.5  # all four count for the others
        means.add(found["alignment"] or 0.0)
        again = some.parts(PERSONA, [list(order)])
        assert again == [found]
    # 4, 10, 8 and 9 letters: drawn by the list, and by no tag's place.
    assert len(means) == 6
    assert sum(means) / len(means) == pytest.approx(0.0775)
