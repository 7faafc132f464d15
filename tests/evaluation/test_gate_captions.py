"""What a gate makes of captions: by the policy's tier, by their judge's standing, where a policy names them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evaluation.gate.decision import Decision
from evaluation.gate.gating import gate
from evaluation.gate.judged import CAPTIONS, PASSING, RECORD, Judged, caption_rows, paired
from evaluation.gate.judged_shares import passing_shares
from lake.registry.judge_records import Standing
from lake.registry.user_results import UserResults
from tests.evaluation.gate_cases import case, old, opening, policy, results, wobble

VALID = Standing("valid", "The judge of captions passed.", "c1")
EXPIRED = Standing("expired", "Its exam is old.", "c1")
LOSS, FLOOR, JUDGE = f"{PASSING}: non-inferiority", f"{PASSING}: floor", "caption judge"


def said(release: str, passing: int, users: int = 60, **header: Any) -> UserResults:
    """Of each user three items, so many of them with a caption that passes."""
    measured = results(release, old)
    counts = {f"u{number:04}": (passing, 3) for number in range(users)}
    asked = {"users": "drawn", RECORD: "c1"}
    return UserResults(replace(measured.header, **{"asked": asked, **header}), caption_rows(measured.rows, counts))


def pair(new: UserResults, beside: UserResults, standing: Standing | None = VALID) -> Judged:
    ledger = (opening("old", 1), opening("new", 2))
    return paired([results("new", old), results("old", old)], [[new], [beside]], standing, ledger, 2, CAPTIONS)


def decided(captions: Judged, standing: Standing | None = VALID, **bounds: Any) -> Decision:
    """A candidate that is better by what it says, with such captions."""
    wanted = {"name": PASSING, "tier": "supporting", "allowed_loss": 0.05, "floor": 0.5, "least_users": 50, **bounds}
    better = case(lambda n: old(n) + 0.1 + wobble(n), old, captions=captions, caption_standing=standing)
    return gate(policy(more=[wanted]), better)


def states(decision: Decision) -> dict[str, str]:
    return {check.name: check.state for check in decision.checks if "caption" in check.name}


def test_as_good_captions_let_a_better_candidate_through() -> None:
    found = decided(pair(said("new", 3), said("old", 3)))
    assert found.verdict == "GO", found.why
    assert states(found) == {LOSS: "PASS", FLOOR: "PASS", JUDGE: "PASS"}


@pytest.mark.parametrize(("tier", "verdict"), [("critical", "NO-GO"), ("supporting", "NO-GO"), ("advisory", "GO")])
def test_captions_that_are_clearly_worse_count_as_the_policy_says(tier: str, verdict: str) -> None:
    found = decided(pair(said("new", 1), said("old", 3)), tier=tier)
    assert (found.verdict, states(found)[LOSS], states(found)[FLOOR]) == (verdict, "BREACH", "BREACH")
    assert {check.tier for check in found.checks if "caption" in check.name} == {tier}
    if verdict != "GO":
        assert any(sentence.startswith(f"{LOSS}: BREACH") for sentence in found.why)


@pytest.mark.parametrize(
    ("standing", "state"),
    [(EXPIRED, "BREACH"), (Standing("outdated", "Other code."), "BREACH"), (Standing("failing", "Low."), "BREACH"),
     (Standing("missing", "Never examined."), "MISSING"), (None, "MISSING")],
)  # fmt: skip
def test_a_judge_without_standing_holds_back_where_captions_count(standing: Standing | None, state: str) -> None:
    captions = pair(said("new", 3), said("old", 3), standing)
    assert captions.rows() == {}
    assert "see the check `caption judge`" in captions.why
    found = decided(captions, standing)
    assert (found.verdict, states(found)) == ("NO-GO", {LOSS: "MISSING", FLOOR: "MISSING", JUDGE: state})
    assert decided(captions, standing, tier="advisory").verdict == "GO"


def test_captions_that_nobody_judged_are_missing_where_the_policy_names_them() -> None:
    found = decided(Judged(why="Nobody judged any."))
    assert (found.verdict, states(found)[LOSS]) == ("NO-GO", "MISSING")
    assert any("Nobody judged any." in sentence for sentence in found.why)
    without = gate(policy(), case(lambda n: old(n) + 0.1 + wobble(n), old))
    assert (without.verdict, states(without)) == ("GO", {})


def test_too_few_users_are_not_enough() -> None:
    few = pair(said("new", 1, 20), said("old", 3, 20))
    assert states(decided(few))[LOSS] == "INSUFFICIENT EVIDENCE"
    assert decided(few).verdict == "GO", "a supporting check holds back where it is breached or missing"
    assert decided(few, tier="critical").verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"outputs": "said since"}, "another tags than what was measured"),
        ({"asked": {RECORD: "c0"}}, "under the record c0, and the judge's is c1 now"),
        ({"opening": "nobody's"}, "Their look is not in the ledger"),
    ],
)
def test_what_is_of_something_else_is_not_read(changed: dict[str, Any], words: str) -> None:
    found = pair(said("new", 3, **changed), said("old", 3))
    assert words in found.why
    assert "Verdicts on captions of new" in found.why
    assert "`python -m model_steps.judge_candidate_captions --release new" in found.why


def test_other_users_are_no_pair_and_figures_of_tags_are_none_of_captions() -> None:
    other = said("old", 3, asked={"users": "others", RECORD: "c1"})
    assert "on other users, captions or code" in pair(said("new", 3), other).why
    tags = said("new", 3)
    rows = tags.rows.set_column(1, tags.rows.schema.field("metric"), [["share_superior"] * tags.rows.num_rows])
    assert "figures that no judge gives" in pair(replace(tags, rows=rows), said("old", 3)).why


def test_shares_for_people() -> None:
    found = passing_shares(pair(said("new", 1), said("old", 3)))
    assert (found["candidate"]["users"], found["candidate"]["items"]) == (60, 180)
    assert found["candidate"]["passing"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert found["champion"]["passing"]["value"] == 1
    assert passing_shares(Judged()) == {}
