"""The V1-style baseline: who reads what, what is shared, what is written twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.v1_routes import ROUTES, Routes, duplicated, written_by
from model_steps.engine.asking import Answer

SIGNALS = {"season": "autumn", "trend": "pumpkins rise", "campaign": "soup weeks"}
HISTORY = "2017-11-01 purchase: whole milk\n2017-10-30 purchase: rye bread"


@pytest.fixture
def routes() -> Routes:
    return Routes(lambda system, user: f"[{system}]{user}", SIGNALS, 5, False, 0.7, 0.9, 1.0, seed=0)


def prompts(routes: Routes) -> dict[str, str]:
    return {request.role: request.prompt for request in routes.requests("u", HISTORY, ("milk", "bread"))}


def common(first: str, second: str) -> int:
    """How many characters two prompts begin with alike."""
    return next((n for n in range(len(first)) if first[: n + 1] != second[: n + 1]), len(first))


def test_every_route_reads_the_whole_history(routes: Routes) -> None:
    assert [role.removeprefix("v1_") for role in prompts(routes)] == list(ROUTES)
    assert all(HISTORY in prompt for prompt in prompts(routes).values())


def test_a_route_knows_its_own_signals_only(routes: Routes) -> None:
    found = prompts(routes)
    assert {role: [kind for kind, text in SIGNALS.items() if text in prompt] for role, prompt in found.items()} == {
        "v1_behavior": [],
        "v1_trend": ["trend"],
        "v1_season": ["season"],
        "v1_campaign": ["campaign"],
    }


def test_the_history_is_shared_only_when_it_comes_first(routes: Routes) -> None:
    for shared in (False, True):
        behavior, trend, *_ = prompts(replace(routes, shared=shared)).values()
        assert (common(behavior, trend) > behavior.index(HISTORY) + len(HISTORY)) is shared


def test_what_each_route_wrote_and_an_unusable_answer_is_nothing() -> None:
    answers = [Answer(text, 1, 0, 1) for text in ('["whole milk", "rye bread"]', "no JSON")]
    assert written_by(answers) == [["whole milk", "rye bread"], []]


def test_what_another_wrote_already_is_duplicated() -> None:
    assert duplicated([["a b", "c d"], ["c d", "e f"]]) == pytest.approx(1 / 4)
    # A route that repeats itself is another fault.
    assert duplicated([["a b", "a b"], ["c d"]]) == 0
    assert duplicated([]) == 0
