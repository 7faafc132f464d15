"""Figures of bench.representation from groups written by hand, and that kept groups are not run again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from bench import representation
from bench.lakes.histories import Histories
from bench.representation import VARIANTS
from model_steps.agents import arbiter, planner
from model_steps.agents.hmas import Hmas, User
from representation.full_text import Event, render_events
from representation.hybrid import SLOT
from settings import InferenceSettings


def group(users: int, context: int, computed: int, cached: int, seconds: float) -> dict[str, Any]:
    role = {
        "calls": 2 * users,
        "prompt_tokens": computed + cached,
        "cached_tokens": cached,
        "output_tokens": 10 * users,
    }
    return {
        "users": users,
        "context_tokens": context,
        "seconds": seconds,
        "roles": {"a": {**role, "computed_tokens": computed}},
        "duplication": [0.25] * users,
        "arbiter_context_tokens": 1_000,
        "arbiter_context_cached": 980,
    }


def test_savings_are_of_sums_over_all_users() -> None:
    results = {name: [group(2, 9_000, 40_000, 0, 20.0), group(1, 4_500, 20_000, 0, 10.0)] for name in VARIANTS}
    results["hmas_hybrid"] = [group(2, 900, 2_000, 500, 5.0), group(1, 450, 1_000, 200, 2.5)]
    found = representation.summary(results)
    assert found["variants"]["v1_full_text"]["computed_tokens"] == 20_000
    assert found["variants"]["hmas_hybrid"] == {
        "context_tokens": 450.0,
        "calls": 2.0,
        "prompt_tokens": pytest.approx(1_233.3),
        "cached_tokens": pytest.approx(233.3),
        "computed_tokens": 1_000.0,
        "output_tokens": 10.0,
        "seconds": 2.5,
        "duplication": 0.25,
    }
    assert found["prefill_saved"]["hmas"]["v1_full_text"] == 0.95
    assert found["seconds_saved"]["hmas"]["hmas_text"] == 0.75
    assert found["context_compression_vs_full_text"] == 10.0
    assert found["arbiter_context_cached_share"] == 0.98


def test_a_killed_run_goes_on_at_the_variant_it_was_in(tmp_path: Path) -> None:
    people = [[Histories(User(name, "", (), "", ()), User(name, "", (), "", ()), "", cut=False)] for name in "ab"]
    ran: list[tuple[str, str]] = []

    def run(variant: str, users: Sequence[Histories]) -> dict[str, Any]:
        if len(ran) == len(VARIANTS) + 2:
            raise KeyboardInterrupt
        ran.append((variant, users[0].text.user_id))
        return {"number": len(ran)}

    kept = tmp_path / "kept.json"
    with pytest.raises(KeyboardInterrupt):
        representation.measure(people, run, kept)
    before, ran[:] = list(ran), []
    found = representation.measure(people, run, kept)
    assert [*before, *ran] == [(variant, user) for user in "ab" for variant in VARIANTS]
    assert [one["number"] for one in found["hmas_hybrid"]] == [5, 3]


def test_the_arbiters_context_ends_where_the_planners_does() -> None:
    nobody = cast(Any, None)
    hmas = Hmas(InferenceSettings(), nobody, nobody, "{}\n{}".format, nobody, "season: autumn", 0)
    history = "2017-11-01 (purchase) |" + 3 * SLOT
    plan = hmas.prompt_with_context(history, planner.task(3, 3))
    choice = hmas.prompt_with_context(history, arbiter.task(["whole milk", "rye bread"], 2))
    found = representation.context_of(choice)
    assert found == representation.context_of(plan)
    assert history in found
    assert "autumn" in found
    assert "rye bread" not in found


def test_full_text_has_a_line_for_every_event() -> None:
    events = [
        Event("2017-11-01", "purchase", "m"),
        Event("2017-11-01", "purchase", "m"),
        Event("2017-10-02", "cart", "b"),
    ]
    assert render_events(events, {"m": "whole milk", "b": "rye bread"}).splitlines() == [
        "2017-11-01 purchase: whole milk",
        "2017-11-01 purchase: whole milk",
        "2017-10-02 cart: rye bread",
    ]
