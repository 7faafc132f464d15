"""Each situation gives its verdict, and the reason says which it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evaluation.gate.decision import Decision
from evaluation.gate.gating import gate
from lake.registry.judge_records import Standing
from tests.evaluation.gate_cases import BOUNDS, HERE, case, old, opening, policy, release_check, results, wobble


def said(decision: Decision) -> str:
    return " ".join(decision.why)


def better(number: int) -> float:
    return old(number) + 0.1 + wobble(number)


def test_a_clear_gain_goes() -> None:
    decision = gate(policy(), case(better, old))
    assert decision.verdict == "GO", said(decision)
    assert not decision.broken
    found = {check.name: check for check in decision.checks}
    gain = found["recall: superiority"]
    assert (gain.figure, gain.candidate, gain.champion, gain.users) == (0.1, 0.5, 0.4, 200)
    # The deviation of the wobble is 0.0707, so the standard error of 200 users 0.005, and the bound 1.645 of it below.
    assert gain.low == pytest.approx(0.1 - 1.645 * 0.005, abs=0.001)
    assert gain.level == 0.05
    assert found["recall, activity light: non-inferiority"].users == 100
    # The new are four: too few, and advisory, so nobody asks.
    assert found["recall, history new: non-inferiority"].state == "INSUFFICIENT EVIDENCE"
    assert found["recall, history new: non-inferiority"].users_missing == 16


def test_a_clear_loss_does_not() -> None:
    decision = gate(policy(), case(lambda number: old(number) - 0.15 + wobble(number) / 2, old))
    assert decision.verdict == "NO-GO"
    assert "recall: non-inferiority: BREACH. better by -0.15" in said(decision)
    # No more users would make a gain of it, and the report says so.
    (gain,) = [check for check in decision.checks if check.name == "recall: superiority"]
    assert gain.why.endswith("a gain above 0 is wanted: beyond doubt there is none.")


@pytest.mark.parametrize("slice_", ["activity heavy", "category tail"])
def test_a_loss_in_one_slice_alone_does_not(slice_: str) -> None:
    """Overall it is a gain, and better nowhere near to worse."""

    def uneven(number: int) -> float:
        return old(number) + (-0.15 if number % 2 else 0.45)

    new = results("new", uneven if slice_ == "activity heavy" else better)
    if slice_ == "category tail":
        tail = results("new", lambda number: old(number) - 0.2).rows.to_pylist()
        rows = [
            own if own["categories"] == "all" else worse for own, worse in zip(new.rows.to_pylist(), tail, strict=True)
        ]
        new = replace(new, rows=new.rows.from_pylist(rows, new.rows.schema))
    decision = gate(policy(), replace(case(better, old), candidate=new))
    assert decision.verdict == "NO-GO"
    assert len(decision.why) == 1
    assert decision.why[0].startswith(f"recall, {slice_}: non-inferiority: BREACH")


def test_a_tiny_sample_proves_nothing_and_says_how_many_users_are_missing() -> None:
    decision = gate(policy(), case(better, old, users=12))
    assert decision.verdict == "INCONCLUSIVE"
    missing = {check.name: check.users_missing for check in decision.checks if check.tier == "critical"}
    assert missing["recall: non-inferiority"] == 8
    assert missing["recall, activity light: non-inferiority"] == 14
    assert "14 more users like these would do" in said(decision)


def test_a_wide_interval_proves_nothing_though_there_are_users_enough() -> None:
    """The mean is fine; the bound is not, and the decision is on the bound."""
    decision = gate(policy(), case(lambda number: old(number) + 0.8 * (1 if number // 2 % 2 else -1), old, users=100))
    assert decision.verdict == "INCONCLUSIVE"
    (check,) = [check for check in decision.checks if check.name == "recall: non-inferiority"]
    assert check.figure == 0.0
    assert check.low is not None
    assert check.low < -0.1
    # Standard error 0.08, so the bound lies 1.71 of it below, about 0.14: 0.1 wants (0.137 / 0.1) squared as many.
    assert check.users_missing == pytest.approx(88, abs=25)


def test_what_was_not_measured_does_not_go() -> None:
    more = [{**BOUNDS, "name": "diversity", "tier": "supporting"}]
    decision = gate(policy(more=more), case(better, old))
    assert (decision.verdict, decision.why[0].split(".")[0]) == ("NO-GO", "diversity: non-inferiority: MISSING")
    shown = gate(policy(more=[{**more[0], "tier": "advisory"}]), case(better, old))
    assert shown.verdict == "GO"


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (Standing("missing", "Never examined."), "MISSING. missing: Never examined."),
        (Standing("expired", "It saw the log until March.", "r1"), "BREACH. expired: It saw"),
        (Standing("failing", "Kappa is 0.1.", "r1"), "BREACH. failing: Kappa is 0.1. Record r1."),
        (Standing("outdated", "Other code.", "r1"), "BREACH. outdated"),
        (Standing("small", "The small exam alone.", "r1"), "BREACH. small"),
        (None, "MISSING. There is no judge"),
    ],
)
def test_a_judge_without_standing_passes_nobody(standing: Standing | None, state: str) -> None:
    decision = gate(policy(), case(better, old, standing=standing))
    assert decision.verdict == "NO-GO"
    assert decision.why[0].startswith(f"judge: {state}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"release_check": None}, "MISSING. Nobody tried"),
        ({"release_check": release_check(loaded=False, problem="no room")}, "does not load: no room"),
        (
            {"release_check": release_check(made_for={**release_check().made_for, "language model": "other"})},
            "was made for another language model",
        ),
        ({"release_check": release_check(made_for={})}, "does not say which language model"),
        ({"here": {**HERE, "catalog": "newer"}}, "the catalog changed: try it again"),
        ({"here": None}, "cannot be told"),
        ({"release_check": release_check(release="older")}, "is of older, not of new"),
        ({"release_check": release_check(catalog_near=0.2)}, "20% of the items are near"),
        ({"release_check": release_check(answered=11)}, "answered 11 of 12 known prompts"),
        ({"release_check": release_check(prompts=0, answered=0)}, "answered 0 of 0 known prompts"),
        ({"release_check": release_check(load_seconds=61.0)}, "61 seconds to load, and 60 are allowed"),
        ({"release_check": release_check(memory_gib=float("nan"))}, "nan GiB of memory, and 8 are allowed"),
    ],
)
def test_a_release_that_is_of_no_use_here_does_not_go(changes: dict[str, Any], sentence: str) -> None:
    decision = gate(policy(), case(better, old, **changes))
    assert decision.verdict == "NO-GO"
    assert sentence in said(decision)


def test_the_same_outputs_never_go() -> None:
    decision = gate(policy(), case(old, old, candidate=results("new", old, outputs="said by old")))
    assert (decision.verdict, len(decision.why)) == ("INCONCLUSIVE", 1)
    assert "word for word" in said(decision)
    # Nor do other outputs that are worth exactly as much.
    equal = gate(policy(), case(old, old))
    assert (equal.verdict, equal.why[0]) == (
        "INCONCLUSIVE",
        "As good as the champion, and nowhere shown to be better.",
    )


def test_a_holdout_that_was_looked_at_too_often_decides_nothing() -> None:
    ledger = (opening("a", 1), opening("old", 2), opening("new", 3))
    decision = gate(policy(), case(better, old, ledger=ledger))
    assert decision.verdict == "INCONCLUSIVE"
    assert "looked at 2 times before, and a day is good for 2 looks" in said(decision)
    assert gate(policy(), case(better, old, ledger=ledger[:1])).verdict == "NO-GO"
    assert gate(policy(holdout_openings=3), case(better, old, ledger=ledger)).verdict == "GO"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"champion": None}, "was not measured beside"),
        ({"champion": results("older", old)}, "The champion is old, and the results beside are of older"),
        ({"champion": results("old", old, day="2017-10-04")}, "measured with other day"),
        ({"champion": results("old", old, asked={"tags": 10})}, "measured with other users, settings or code"),
        ({"candidate": results("newer", better)}, "are of newer, not of new"),
        ({"holdout": "frozen otherwise"}, "This lake has other outcomes"),
    ],
)
def test_what_is_not_of_the_same_items_is_not_compared(changes: dict[str, Any], sentence: str) -> None:
    decision = gate(policy(), case(better, old, **changes))
    assert decision.verdict == "NO-GO"
    assert sentence in said(decision)


def test_without_a_champion_floors_alone_decide() -> None:
    decision = gate(policy(), case(old, None))
    assert decision.verdict == "GO"
    assert [check.name for check in decision.checks if check.kind != "condition"] == ["recall: floor"]
    low = gate(policy(), case(lambda number: old(number) - 0.25, None))
    assert (low.verdict, low.why[0][:21]) == ("NO-GO", "recall: floor: BREACH")
    near = gate(policy(metric={"floor": 0.399}), case(old, None))
    assert near.verdict == "INCONCLUSIVE"  # the mean is 0.4, above the floor, and its bound is not


def test_less_is_better_where_the_policy_says_so() -> None:
    lower = policy(metric={"direction": "lower", "floor": 0.6})
    assert gate(lower, case(lambda number: old(number) - 0.1 + wobble(number), old)).verdict == "GO"
    worse = gate(lower, case(lambda number: old(number) + 0.3, old))
    assert worse.verdict == "NO-GO"
    (floor,) = [check for check in worse.checks if check.kind == "floor"]
    assert (floor.state, floor.figure, floor.limit) == ("BREACH", 0.7, 0.6)
    assert floor.low is not None
    assert floor.high is not None
    assert floor.low < 0.7 < floor.high


def test_a_gate_that_breaks_passes_nobody_and_says_so() -> None:
    broken = results("new", better)
    twice = replace(broken, rows=broken.rows.from_pylist([*broken.rows.to_pylist()] * 2, broken.rows.schema))
    decision = gate(policy(), case(better, old, candidate=twice))
    assert (decision.verdict, decision.broken) == ("NO-GO", True)
    assert decision.why[0] == "The gate itself failed, so nobody passes it."
    assert "twice" in decision.why[1]
    fewer = gate(policy(), case(better, old, champion=results("old", old, users=100)))
    assert (fewer.verdict, fewer.broken) == ("NO-GO", True)
    assert "results of other users" in fewer.why[1]


def test_nothing_but_advisory_checks_never_goes() -> None:
    """A policy cannot be written so; whoever hands the decision such checks gets no GO either."""
    from evaluation.gate.decision import decide

    decision = gate(policy(), case(better, old))
    advisory = [replace(check, tier="advisory") for check in decision.checks]
    assert decide(policy(), advisory, True).verdict == "INCONCLUSIVE"
    assert decide(policy(), [], True).verdict == "INCONCLUSIVE"
    conditions = [check for check in decision.checks if check.kind == "condition"]
    assert decide(policy(), conditions, False).verdict == "INCONCLUSIVE"


def test_several_superiority_checks_share_the_level() -> None:
    """Bonferroni: a gain whose bound is above 0 at 0.05 alone, and not at a fifth of it."""

    def slight(number: int) -> float:
        # Standard error 0.005 over 200 users: a gain of 1.9 of it.
        return old(number) + wobble(number) + 0.0095

    assert gate(policy(), case(slight, old)).verdict == "GO"
    others = [{"name": f"m{n}", "tier": "supporting", "gain": 0, "least_users": 2} for n in range(4)]
    shared = policy(more=others)
    assert shared.superiority_level == 0.01
    rows = [
        {**row, "metric": name}
        for name in ("recall", "m0", "m1", "m2", "m3")
        for row in results("x", slight if name == "recall" else old).rows.to_pylist()
    ]
    base = [{**row, "found": old(int(row["user_id"][1:]))} for row in rows]
    new, champion = (
        replace(results(name, old), rows=results(name, old).rows.from_pylist(of, results(name, old).rows.schema))
        for name, of in (("new", rows), ("old", base))
    )
    decision = gate(shared, case(slight, old, candidate=new, champion=champion))
    assert decision.verdict == "INCONCLUSIVE"
    assert "Of 5 superiority checks one must pass, so each is decided at 0.01 (Bonferroni" in decision.correction
