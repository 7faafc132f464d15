"""One option, drawn: as often as it is probable, the same for one seed, beside rankings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import pytest

from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.engine.drawing import DRAWN, Draw, drawn, search_of, text_of
from model_steps.engine.options import Node, Options
from model_steps.engine.ranking import search_together
from runtime.errors import InfrastructureError

END = 1
TOKENS = {"corn": (10, END), "corn oil": (10, 11, END), "white milk": (20, 21, END), "skim milk": (22, 21, END)}
SPACE = Options(tuple(TOKENS), lambda text: TOKENS[text])
# Logits of each node's children, by its path: at the root of 10, 20 and 22, behind 10 of the end and 11.
LOGITS = {(): [1.0, 0.0, -1.0], (10,): [0.5, -0.5]}


def scores(asked: Sequence[tuple[int, Node]]) -> list[list[float]]:
    return [LOGITS[node.path] for _, node in asked]


def by_hand(temperature: float) -> dict[str, float]:
    """Each option's probability: the product of its choices, each tempered by itself."""
    first = [math.exp(each / temperature) for each in LOGITS[()]]
    corn, white, skim = (each / sum(first) for each in first)
    second = [math.exp(each / temperature) for each in LOGITS[(10,)]]
    return {
        "corn": corn * second[0] / sum(second),
        "corn oil": corn * second[1] / sum(second),
        "white milk": white,
        "skim milk": skim,
    }


def draw(temperature: float, seed: int) -> tuple[str, float]:
    one = Draw(SPACE, temperature, seed)
    search_together([one], scores)
    ((option, worth),) = one.best()
    return option, worth


def test_the_trie_is_the_one_that_is_computed_by_hand() -> None:
    assert set(SPACE.root.children) == {10, 20, 22}
    assert sum(by_hand(0.7).values()) == pytest.approx(1)


@pytest.mark.parametrize("temperature", [1.0, 0.8, 2.0])
def test_options_are_drawn_as_often_as_they_are_probable_and_say_how_probable(temperature: float) -> None:
    number, expected = 4_000, by_hand(temperature)
    found = [draw(temperature, seed) for seed in range(number)]
    assert all(worth == pytest.approx(math.log(expected[option])) for option, worth in found)
    counts = Counter(option for option, _ in found)
    for option, share in expected.items():
        deviation = math.sqrt(share * (1 - share) / number)
        assert abs(counts[option] / number - share) < 4.5 * deviation, option


def test_one_seed_draws_one_option_and_without_temperature_it_is_the_best_at_each_parting() -> None:
    assert draw(0.8, 7) == draw(0.8, 7)
    assert {draw(0.0, seed) for seed in range(20)} == {("corn", 0.0)}


def test_draws_and_rankings_are_found_together() -> None:
    requests = [drawn("u", "explainer", "prompt", SPACE, 0.8, attempt=attempt) for attempt in range(3)] + [
        Request.ranked("u", "expert", "prompt", SPACE, 2)
    ]
    searches = [search_of(request, 4) for request in requests]
    search_together(searches, scores)
    found = [search.best() for search in searches]
    assert [len(best) for best in found] == [1, 1, 1, 2]
    assert found[3][0][0] == max(by_hand(1.0), key=by_hand(1.0).__getitem__)


def test_of_one_option_nothing_is_asked() -> None:
    def nobody(asked: Sequence[tuple[int, Node]]) -> list[list[float]]:
        raise AssertionError(asked)

    one = Draw(SPACE.among(["corn"]), 0.8, 0)
    search_together([one], nobody)
    assert one.best() == [("corn", 0.0)]


def test_what_is_no_probability_is_told_of() -> None:
    one = Draw(SPACE, 1.0, 0)
    with pytest.raises(InfrastructureError, match="no probabilities"):
        search_together([one], lambda asked: [[math.nan] * 3 for _ in asked])


def test_a_request_is_named_by_options_temperature_and_attempt() -> None:
    one = drawn("u", "explainer", "prompt", SPACE, 0.8)
    others = [
        drawn("u", "explainer", "prompt", SPACE.among(list(TOKENS)[1:]), 0.8),
        drawn("u", "explainer", "prompt", SPACE, 0.9),
        drawn("u", "explainer", "prompt", SPACE, 0.8, attempt=1),
        drawn("u", "explainer", "prompt", SPACE, 0.8, seed=1),
        Request.ranked("u", "explainer", "prompt", SPACE, 1),
    ]
    keys = {request.key("release", "engine") for request in (one, *others)}
    assert len(keys) == len(others) + 1
    assert drawn("v", "explainer", "prompt", SPACE, 0.8).key("release", "engine") in keys
    assert one.most == DRAWN


def test_the_text_of_an_answer_is_what_was_written_or_drawn() -> None:
    answer = Answer(ranking.write([("corn oil", -0.5)]), 1, 0, 1)
    assert text_of(drawn("u", "explainer", "prompt", SPACE, 0.8), answer) == "corn oil"
    written = Request("u", "explainer", "prompt", drawn("u", "e", "p", SPACE, 0.8).sampling)
    assert text_of(written, Answer("A sentence.", 1, 0, 1)) == "A sentence."
