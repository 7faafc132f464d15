"""A day's sample, the rows of its verdicts, and what is unusual about its tiers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from model_steps.agents import inputs
from model_steps.judge.judging import judge
from model_steps.judge.reviewer import Verdict
from model_steps.judge.verdicts import alarms, sample, verdict_rows
from schemas.verdicts import TABLE, broken_rows
from settings import BandSettings, JudgeSettings
from tests.model_steps.judged_shop import BOB, DAY, Answers, asking, case, sure

INTENTS = [{"user_id": f"u{user}", "rank": rank} for rank in (2, 1, 3) for user in range(40)]


def users_of(rows: Any) -> list[str]:
    return sorted({row["user_id"] for row in rows})


# --- the sample


def test_users_are_drawn_whole_and_in_order() -> None:
    drawn = sample(INTENTS, DAY, 7, seed=0)
    assert len(users_of(drawn)) == 7
    assert [(row["user_id"], row["rank"]) for row in drawn] == [(u, r) for u in users_of(drawn) for r in (1, 2, 3)]
    assert sample(INTENTS[::-1], DAY, 7, seed=0) == drawn


def test_a_larger_sample_holds_the_smaller_one_and_0_draws_all() -> None:
    assert set(users_of(sample(INTENTS, DAY, 7, 0))) < set(users_of(sample(INTENTS, DAY, 20, 0)))
    assert len(users_of(sample(INTENTS, DAY, 0, 0))) == 40
    assert len(users_of(sample(INTENTS, DAY, 99, 0))) == 40
    assert sample([], DAY, 7, 0) == []


def test_each_day_and_each_seed_draws_others() -> None:
    draws = {tuple(users_of(sample(INTENTS, day, 7, seed))) for day in (DAY, "2017-11-02") for seed in (0, 1)}
    assert len(draws) == 4


# --- rows


def test_rows_hold_all_of_a_verdict_and_break_no_rule() -> None:
    cases = [case("milk"), case("soap", BOB, None)]
    answers = Answers(lambda request: sure("neutral" if "product exist?" in request.prompt else "positive"))
    verdicts = judge(cases, answers, asking(), guard=lambda of: ["tag_signs"] if of.text == "soap" else [])
    rows = verdict_rows([{"rank": 1}, {"rank": 4}], cases, verdicts, 0.75, "base-1")
    data = inputs.rows_of(TABLE, rows, DAY)
    assert broken_rows(data) == 0
    milk, soap = data.to_pylist()
    assert (milk["day"], milk["item_id"], milk["user_id"], milk["rank"]) == (DAY, cases[0].item_id, "ann", 1)
    assert (milk["tag"], milk["category"], milk["tier"], milk["judge"]) == ("milk", "milk", "S", "base-1")
    assert (milk["release"], milk["threshold"], milk["flags"]) == ("experts-1", 0.75, [])
    assert milk["findings"][3] == {
        "dimension": "validity",
        "label": "neutral",
        "confidence": pytest.approx(0.8, abs=1e-3),
        "by": "model",
        "reason": None,
    }
    assert milk["confidence"] == pytest.approx(verdicts[0].confidence)
    assert (soap["user_id"], soap["rank"], soap["category"], soap["tier"]) == ("bob", 4, None, "B")
    assert (soap["flags"], soap["confidence"]) == (["tag_signs"], 1.0)


def test_no_verdict_is_a_row_of_another_output() -> None:
    cases = [case("milk"), case("beer")]
    verdicts = judge(cases, Answers(lambda _request: sure("positive")), asking())
    with pytest.raises(ValueError, match="argument"):
        verdict_rows([{"rank": 1}, {"rank": 2}], cases, verdicts[:1], 0.75, "base-1")


def test_a_planted_tier_is_found_by_the_rules() -> None:
    cases = [case("milk")]
    (verdict,) = judge(cases, Answers(lambda _request: sure("negative")), asking())
    wrong = Verdict(verdict.item_id, "S", verdict.findings, verdict.confidence)
    rows = verdict_rows([{"rank": 1}], cases, [wrong], 0.75, "base-1")
    assert broken_rows(pa.Table.from_pylist([{"day": DAY, **rows[0]}], TABLE.schema)) == 1


# --- tiers


def test_shares_that_leave_their_bands_set_off_an_alarm() -> None:
    settings = JudgeSettings(
        superior_band=BandSettings(low=0.3, high=0.6), average_band=BandSettings(), bad_band=BandSettings(high=0.2)
    )
    assert alarms("SSAAB", settings) == []
    assert alarms("SAABB", settings) == [
        "The share of S is 0.20, and usually it is from 0.3 to 0.6.",
        "The share of B is 0.40, and usually it is from 0 to 0.2.",
    ]
    assert len(alarms("SSS", settings)) == 1


def test_a_day_without_outputs_is_no_alarm() -> None:
    assert alarms([], JudgeSettings(superior_band=BandSettings(low=0.5))) == []
