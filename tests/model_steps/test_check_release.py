"""A release is tried before its gate: what it is asked, what counts as an answer, and that a failure is a finding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from lake.registry import release_checks, releases
from lake.registry.releases import Release
from lake.store.location import Lake
from model_steps import check_release
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.serving.known_prompts import CHOICE, WANTED, is_whole, known_prompts
from settings import Settings
from tests.evaluation.gate_cases import HERE

LABELS = [f"category {number:03}" for number in range(400)]


def requests(labels: Sequence[str] = LABELS, roles: Sequence[str] = ("expert", "planner")) -> list[Request]:
    return known_prompts(
        labels, roles, 3, lambda system, user: f"{system}\n{user}", len, lambda text: list(text.encode())
    )


def answer(options: Sequence[tuple[str, float]]) -> Answer:
    return Answer(ranking.write(options), 1, 0, 1)


class Model:
    """Names the first options of each request; the last answer of all is broken if wanted."""

    seconds = 0.0

    def __init__(self, broken: bool = False, error: Exception | None = None) -> None:
        self._broken, self._error = broken, error

    def __call__(self, slots: object) -> Model:
        if self._error:
            raise self._error
        return self

    def generate(self, asked: Sequence[Request]) -> list[Answer]:
        answers = [answer([(text, -1.0) for text in each.options.texts[:WANTED]]) for each in asked if each.options]
        return [*answers[:-1], replace(answers[-1], text="[]")] if self._broken else answers

    def reset_prefix_cache(self) -> None:
        """Nothing is cached."""


def test_each_role_is_asked_the_same_known_prompts_of_the_lakes_own_categories() -> None:
    asked = requests()
    assert [request.role for request in asked] == ["expert", "planner"] * 3
    assert asked == requests(LABELS[::-1])
    assert len({request.prompt for request in asked}) == 3
    assert asked[0].options is not None
    assert len(asked[0].options.texts) == CHOICE + 1
    assert "category 000" in asked[0].prompt
    few = requests(["milk", "beer"])
    assert few[0].options is not None
    assert set(few[0].options.texts) == {"milk", "beer", "nothing"}


def test_what_is_no_whole_answer_is_none() -> None:
    options = requests()[0].options
    assert options is not None
    good = [(text, -1.0) for text in options.texts[:WANTED]]
    assert is_whole(answer(good), options)
    assert not is_whole(answer(good[1:]), options)
    assert not is_whole(answer([*good[1:], good[1]]), options)
    assert not is_whole(answer([*good[1:], ("an invention", -1.0)]), options)
    assert not is_whole(answer([*good[1:], (good[0][0], math.nan)]), options)
    assert not is_whole(answer([*good[1:], (good[0][0], 0.5)]), options)
    assert not is_whole(Answer("once upon a time", 1, 0, 1), options)


@pytest.mark.parametrize(
    ("model", "loaded", "answered", "problem"),
    [
        (Model(), True, 6, ""),
        (Model(broken=True), True, 5, ""),
        (Model(error=RuntimeError("the adapter is torn")), False, 0, "RuntimeError: the adapter is torn"),
    ],
)
def test_a_failure_is_a_finding(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, model: Model, loaded: bool, answered: int, problem: str
) -> None:
    release = Release("m", {"expert": "x"}, "e", {}, {})
    releases.install(lake, release, {})
    monkeypatch.setattr(check_release, "here", lambda *_: HERE)
    monkeypatch.setattr(check_release, "_prompts", lambda *_: requests())
    manifest = check_release.check_release(lake, release.name, "2017-11-01", Settings(), model)
    found = release_checks.newest(lake, release.name)
    assert found is not None
    assert (found.loaded, found.answered, found.prompts, found.problem) == (loaded, answered, 6, problem)
    assert found.made_for["language model"] == "m"
    assert found.here == HERE
    assert found.catalog_near is None
    assert manifest["record"].endswith(f"{found.name}.json")
