"""Which of a judge's results a gate reads beside the other figures, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from evaluation.corrected_share import Proportion
from evaluation.gate.checks import Check
from evaluation.gate.gating import gate
from evaluation.gate.judged import BAD, RECORD, SUPERIOR, Judged, judged_rows, paired
from evaluation.gate.judged_shares import shares
from lake.registry.judge_records import Standing
from lake.registry.user_results import UserResults
from tests.evaluation.gate_cases import DAY, case, old, opening, policy, results, wobble

VALID = Standing("valid", "The judge passed.", "r1")
ASKED = {"users": "drawn", "tags": 4, RECORD: "r1"}
LEDGER = (opening("old", 1), opening("new", 2))
SHARES = [
    {"name": SUPERIOR, "tier": "advisory", "allowed_loss": 0.05, "least_users": 20},
    {"name": BAD, "tier": "advisory", "direction": "lower", "allowed_loss": 0.05, "least_users": 20},
]


def tiers(superior: int, bad: int, users: int = 40) -> dict[str, list[str]]:
    """Of each user four tags, so many of them S and B."""
    return {f"u{number:04}": ["S"] * superior + ["B"] * bad + ["A"] * (4 - superior - bad) for number in range(users)}


def judged(release: str, said: Mapping[str, Sequence[str]], **header: Any) -> UserResults:
    """A judge's results of a release that was measured with ``results``; its look is the one at the release."""
    measured = results(release, old)
    return UserResults(replace(measured.header, asked=ASKED, **header), judged_rows(measured.rows, said))


def moved(found: UserResults, **header: Any) -> UserResults:
    return replace(found, header=replace(found.header, **header))


def pair(new: Sequence[UserResults], beside: Sequence[UserResults], **changes: Any) -> Judged:
    told: dict[str, Any] = {"standing": VALID, "ledger": LEDGER, "most": 2, **changes}
    return paired([results("new", old), results("old", old)], [new, beside], **told)


def test_a_users_tags_are_counted_by_tier() -> None:
    rows = judged_rows(results("new", old).rows, {"u0000": ["S", "A", "S", "B"], "u0001": ["A"], "u0002": []})
    found = {(row["user_id"], row["metric"]): (row["found"], row["of"]) for row in rows.to_pylist()}
    assert found == {
        ("u0000", SUPERIOR): (2.0, 4.0),
        ("u0000", BAD): (1.0, 4.0),
        ("u0001", SUPERIOR): (0.0, 1.0),
        ("u0001", BAD): (0.0, 1.0),
    }
    groups = {row["user_id"]: (row["activity"], row["history"]) for row in rows.to_pylist()}
    assert groups == {"u0000": ("light", "new"), "u0001": ("heavy", "known")}


def test_a_pair_is_of_the_same_users_and_tags_and_of_the_most_users() -> None:
    new, beside = judged("new", tiers(2, 0)), judged("old", tiers(1, 1))
    found = pair([new], [beside])
    assert (found.candidate, found.champion, found.why) == (new, beside, "")
    more = {**ASKED, "users": "more"}
    many = [moved(judged("new", tiers(2, 0, 60)), asked=more), moved(judged("old", tiers(1, 1, 60)), asked=more)]
    assert pair([new, many[0]], [beside, many[1]]).candidate == many[0]
    # The most of the candidate have no champion beside them.
    assert pair([new, many[0]], [beside]).candidate == new


def test_other_users_or_tags_of_the_champion_are_no_pair() -> None:
    new, beside = judged("new", tiers(2, 0)), judged("old", tiers(1, 1))
    for other in ({"users": "others"}, {"tags": 5}, {"code": "x"}):
        found = pair([new], [moved(beside, asked={**ASKED, **other})])
        assert (found.candidate, found.champion) == (None, None)
        assert "judged on other users, tags or code" in found.why


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"outputs": "said since"}, "another tags than what was measured"),
        ({"holdout": "thawed"}, "another frozen outcomes"),
        ({"asked": {**ASKED, RECORD: "r0"}}, "under the record r0, and the judge's is r1 now"),
        ({"opening": "nobody's"}, "Their look is not in the ledger"),
    ],
)
def test_what_is_of_something_else_is_not_read(changed: Mapping[str, Any], words: str) -> None:
    good = judged("new", tiers(2, 0))
    found = pair([moved(good, **changed)], [judged("old", tiers(1, 1))])
    assert found.candidate is None
    assert words in found.why
    assert f"judge_candidate --release new --day {DAY}`" in found.why


def test_a_stranger_among_the_users_and_a_foreign_figure_are_refused() -> None:
    good = judged("new", tiers(2, 0))
    stranger = good.rows.set_column(0, "user_id", pa.array(["stranger"] * good.rows.num_rows))
    beside = [judged("old", tiers(1, 1))]
    assert "not measured" in pair([replace(good, rows=stranger.cast(good.rows.schema))], beside).why
    foreign = good.rows.set_column(1, "metric", pa.array(["recall"] * good.rows.num_rows))
    assert "figures that no judge gives" in pair([replace(good, rows=foreign.cast(good.rows.schema))], beside).why


def test_a_judge_without_standing_has_said_nothing() -> None:
    good = [judged("new", tiers(2, 0))], [judged("old", tiers(1, 1))]
    assert "no standing (expired)" in pair(*good, standing=Standing("expired", "Long ago.", "r1")).why
    assert "no standing" in pair(*good, standing=None).why


def test_a_look_beyond_the_budget_is_not_read() -> None:
    found = pair([judged("new", tiers(2, 0))], [judged("old", tiers(1, 1))], most=1)
    assert "look was number 2 at the day, and a day is good for 1" in found.why


def test_without_a_champion_the_candidate_is_read_alone() -> None:
    new = judged("new", tiers(2, 0))
    found = paired([results("new", old)], [[new]], VALID, LEDGER, 2)
    assert (found.candidate, found.champion, found.why) == (new, None, "")


def checks(found: Judged) -> dict[str, Check]:
    decision = gate(policy(more=SHARES), case(lambda number: old(number) + 0.1 + wobble(number), old, judged=found))
    assert decision.verdict == "GO", decision.why
    return {check.name: check for check in decision.checks}


def test_the_policys_shares_become_figures_of_the_judged_users() -> None:
    found = checks(pair([judged("new", tiers(2, 1))], [judged("old", tiers(1, 2))]))
    superior, bad = found[f"{SUPERIOR}: non-inferiority"], found[f"{BAD}: non-inferiority"]
    assert (superior.state, superior.candidate, superior.champion, superior.users) == ("PASS", 0.5, 0.25, 40)
    # Less is better, so a quarter less is a quarter better.
    assert (bad.state, bad.candidate, bad.champion, bad.figure) == ("PASS", 0.25, 0.5, 0.25)
    assert found["recall: non-inferiority"].users == 200


def test_a_loss_that_the_judge_sees_is_shown_and_holds_nobody_back_where_it_is_advisory() -> None:
    found = checks(pair([judged("new", tiers(1, 2))], [judged("old", tiers(2, 1))]))
    assert found[f"{SUPERIOR}: non-inferiority"].state == "BREACH"


def test_where_nobody_judged_the_check_is_missing_and_says_what_to_do() -> None:
    found = checks(pair([], []))
    assert found[f"{SUPERIOR}: non-inferiority"].state == "MISSING"
    assert "python -m model_steps.judge_candidate --release new" in found[f"{SUPERIOR}: non-inferiority"].why


def test_a_user_who_was_judged_in_one_release_alone_counts_in_none() -> None:
    fewer = {user: said for user, said in tiers(1, 1).items() if user != "u0003"}
    found = checks(pair([judged("new", tiers(2, 1))], [judged("old", fewer)]))
    assert found[f"{SUPERIOR}: non-inferiority"].users == 39


def test_shares_stand_beside_those_corrected_for_the_judges_errors() -> None:
    found = pair([judged("new", tiers(2, 1))], [judged("old", tiers(1, 2))])
    # Of S the judge finds 9 of 10, of others it lets 1 of 10 pass: (0.5 - 0.1) / 0.8 and (0.25 - 0.1) / 0.8.
    told = shares(found, (Proportion(90, 100), Proportion(90, 100)))
    assert {who: (said["users"], said["tags"]) for who, said in told.items()} == {
        "candidate": (40, 160),
        "champion": (40, 160),
    }
    assert told["candidate"]["superior"]["value"] == 0.5
    assert told["candidate"]["superior_corrected"]["value"] == 0.5
    assert told["champion"]["superior_corrected"]["value"] == pytest.approx(0.1875)
    assert told["champion"]["bad"]["value"] == 0.5
    unknown = shares(found, "Nobody counted.")["champion"]
    assert (unknown["superior_corrected"]["value"], unknown["not_estimable"]) == (None, "Nobody counted.")
    assert shares(Judged(), "x") == {}
