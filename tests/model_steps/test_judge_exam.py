"""The judge's exam on a hand-made set: figures computed by hand, and faults that it must find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from evaluation.corrected_share import Proportion, corrected_share
from evaluation.tiers import Tier
from lake.registry.splits import SplitRule
from model_steps.engine.asking import Answer, Counts, Request
from model_steps.judge.case import Case
from model_steps.judge.evaluators import Finding
from model_steps.judge.exam import examined, figures, run
from model_steps.judge.exam.asked import AskedInChunks, Spent, chunks, cost
from model_steps.judge.exam.attacked import Attacked
from model_steps.judge.exam.examined import Examined
from model_steps.judge.exam.examiners import AGENT, AGENT_BASE, LOOKUP, MODELS, ONE_SHOT, REGRESSION, ROLES, Examiners
from model_steps.judge.exam.people import people
from model_steps.judge.reviewer import Verdict
from runtime.errors import DataError
from settings import ExamSizes, JudgeExamSettings
from tests.evaluation.label_rows import DAY as LABELS_DAY
from tests.evaluation.label_rows import built, frame, given
from tests.model_steps.judged_shop import DAY, Answers, asking, case, ranked, sure

RULE = SplitRule(days=(LABELS_DAY,))
EVERYBODY = [f"user-{number}" for number in range(60)]
HELD_OUT = [user for user in EVERYBODY if RULE.split_of(user) == "holdout"]
LEARNT = next(user for user in EVERYBODY if RULE.split_of(user) == "train")
SIZES = ExamSizes(built_users=2, real_users=2, canaries=4, good_outputs=2, reasked=2)
DIMENSIONS = ("relevance", "consistency", "specificity", "validity")

Row = dict[str, Any]


def labelled(user: str, text: str, *labels: str, release: str = "") -> list[Row]:
    """Rows of an output, a label a dimension."""
    named = zip(DIMENSIONS, labels, strict=True)
    rows = [built(f"{user} {text}", name, label, release=release) for name, label in named]
    return [{**row, "user_id": user} for row in rows]


# --- who is examined


def test_built_and_real_outputs_are_apart_and_an_output_that_was_written_is_a_real_one() -> None:
    user = HELD_OUT[0]
    both = [*labelled(user, "both", *["positive"] * 4), *labelled(user, "both", *["positive"] * 4, release="r1")]
    rows = frame(*labelled(user, "own", *["positive"] * 4), *both)
    found = examined.draw(rows, RULE, SIZES, 0)
    texts = dict(rows.select("item_id", "text").iter_rows())
    assert {texts[item] for item in found.built} == {f"{user} own"}
    assert {texts[item] for item in found.real} == {f"{user} both"}


def test_as_many_users_are_drawn_as_are_wanted_and_more_keep_the_earlier_ones() -> None:
    rows = frame(
        *[row for user in HELD_OUT for row in labelled(user, "own", *["positive"] * 4)],
        *[row for user in HELD_OUT for row in labelled(user, "real", *["positive"] * 4, release="r1")],
    )

    def users(built_users: int, seed: int = 0) -> set[str]:
        sizes = SIZES.model_copy(update={"built_users": built_users, "real_users": 1})
        found = examined.draw(rows, RULE, sizes, seed)
        assert len(found.real) == 1
        of_built = found.rows.filter(found.rows["item_id"].is_in(list(found.built)))
        return set(of_built["user_id"])

    few, more = users(2), users(5)
    assert (len(few), len(more)) == (2, 5)
    assert few < more
    assert users(5, seed=1) != more


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"user_id": LEARNT}, f"1 users of the labels are not held out \\({LEARNT} first, of the split train"),
        ({"split": "train"}, "are not held out"),
        ({"day": "2017-10-31"}, "have the day 2017-10-31, which is no evaluation day"),
    ],
)
def test_labels_of_others_are_refused_whatever_they_are_said_to_be(change: Row, said: str) -> None:
    user = HELD_OUT[0]
    rows = [*labelled(user, "own", *["positive"] * 4), *labelled(user, "real", *["positive"] * 4, release="r1")]
    examined.draw(frame(*rows), RULE, SIZES, 0)
    with pytest.raises(DataError, match=said):
        examined.draw(
            frame(*rows, *({**row, **change} for row in labelled(user, "x", *["neutral"] * 4))), RULE, SIZES, 0
        )


def test_what_is_missing_is_a_sentence() -> None:
    own = labelled(HELD_OUT[0], "own", *["positive"] * 4)
    real = labelled(HELD_OUT[0], "real", *["positive"] * 4, release="r1")
    with pytest.raises(DataError, match="no labels of held-out users to examine a judge on"):
        examined.draw(frame(), RULE, SIZES, 0)
    with pytest.raises(DataError, match=r"no labels of outputs that a release really wrote.*--intents"):
        examined.draw(frame(*own), RULE, SIZES, 0)
    with pytest.raises(DataError, match="no built labels"):
        examined.draw(frame(*real), RULE, SIZES, 0)


def test_tiers_follow_from_the_labels_and_people_outrank_what_was_built() -> None:
    one, two = HELD_OUT[:2]
    rows = [
        *labelled(one, "superior", *["positive"] * 4),
        *labelled(one, "average", "positive", "neutral", "neutral", "positive"),
        *labelled(two, "bad", "negative", *["positive"] * 3),
        *labelled(two, "corrected", *["positive"] * 4, release="r1"),
        {**given(f"{two} corrected", "relevance", "negative", "ann"), "user_id": two},
        *labelled(two, "open", "positive", "positive", "positive", "positive")[1:],
    ]
    outputs = examined.draw(frame(*rows), RULE, SIZES, 0)
    customers = {user: replace(case("milk").customer, user_id=user) for user in (one, two)}
    cases = [
        Case(item, customers[user], text, None, "", "", "")
        for item, user, text in outputs.rows.select("item_id", "user_id", "text").unique().iter_rows()
    ]
    found, real = examined.examined(outputs, cases, 0.75)
    assert {one.case.text.split()[-1]: one.tier for one in found} == {"superior": "S", "average": "A", "bad": "B"}
    assert [(one.case.text.split()[-1], one.tier, one.releases) for one in real] == [("corrected", "B", ("r1",))]
    assert real[0].labels["relevance"] == "negative"
    assert [one.user_id for one in found] == sorted(one.user_id for one in found)


# --- figures


def output(number: int, tier: str, user: str, release: str = "") -> Examined:
    relevance = {"S": "positive", "A": "neutral", "B": "negative"}[tier]
    own = case(f"tag {number}", replace(case("milk").customer, user_id=user))
    return Examined(own, cast(Tier, tier), {"relevance": relevance}, (release,) if release else ())


def verdicts(of: Sequence[Examined], tiers: Iterable[str], confidence: float = 0.9) -> list[Verdict]:
    """Tiers as they are said, with the finding of relevance that each would follow from."""
    said = {"S": "positive", "A": "neutral", "B": "negative"}
    return [
        Verdict(
            one.case.item_id,
            cast(Tier, tier),
            (Finding("relevance", said[tier], confidence, {said[tier]: confidence}, "model"),),
            confidence,
        )
        for one, tier in zip(of, tiers, strict=True)
    ]


SET = [output(number, tier, user) for number, (tier, user) in enumerate(zip("SSBBSB", "aabbcc", strict=True))]


def test_figures_are_those_that_one_computes_by_hand() -> None:
    said = {AGENT: verdicts(SET, "SSBBSA"), ONE_SHOT: verdicts(SET, "SBBSBB"), LOOKUP: verdicts(SET, "BBBBBB")}
    found = figures.figures(SET, said, resamples=100)
    assert {name: one["value"] for name, one in found["accuracy"].items()} == pytest.approx(
        {AGENT: 5 / 6, ONE_SHOT: 3 / 6, LOOKUP: 3 / 6}, abs=1e-4
    )
    # S: the agent 3 of 3 and no other; one-shot 1 right, 1 wrong, 2 missed: 2 / (2 + 1 + 2); look-up never says it.
    assert {name: one["value"] for name, one in found["f1_superior"].items()} == {
        AGENT: 1.0,
        ONE_SHOT: 0.4,
        LOOKUP: 0.0,
    }
    # By chance the agent is right in 3/6 x 3/6 + 3/6 x 2/6 = 15/36 of the cases: (30 - 15) / (36 - 15).
    assert found["kappa"][AGENT]["value"] == pytest.approx(15 / 21, abs=1e-4)
    assert found["kappa"][LOOKUP]["value"] == 0.0
    assert found["paired"][ONE_SHOT]["accuracy"]["value"] == pytest.approx(2 / 6, abs=1e-4)
    assert found["paired"].keys() == {ONE_SHOT, LOOKUP}
    assert found["tiers"][AGENT]["confusion"] == [[3, 0, 0], [0, 0, 0], [0, 1, 2]]
    assert {name: rate["value"] for name, rate in found["base_rates"].items()} == {"S": 0.5, "A": 0.0, "B": 0.5}
    # All are 0.9 sure: of the agent 5 of 6 are right.
    assert found["calibration"][AGENT]["expected_calibration_error"]["value"] == pytest.approx(0.9 - 5 / 6, abs=1e-4)
    assert found["calibration"].keys() == {AGENT, ONE_SHOT}
    relevance = found["dimensions"]["relevance"]
    assert found["dimensions"].keys() == {"relevance"}
    assert relevance[AGENT]["true_positive_rate"]["positive"]["value"] == 1.0
    assert relevance[ONE_SHOT]["true_negative_rate"]["positive"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert (found["outputs"], found["users"]) == (6, 3)
    assert set(found["kappa"][AGENT]) == {"value", "low", "high"}
    assert found["kappa"][AGENT]["low"] < found["kappa"][AGENT]["value"] < found["kappa"][AGENT]["high"]


def test_errors_on_superior_correct_a_share() -> None:
    found = figures.superior_errors(SET, verdicts(SET, "SBBSSA"))
    assert found == {"sensitivity": {"found": 2, "of": 3}, "specificity": {"found": 2, "of": 3}}
    # (0.5 + 2/3 - 1) / (2/3 + 2/3 - 1)
    share = corrected_share(Proportion(50, 100), Proportion(**found["specificity"]), Proportion(**found["sensitivity"]))
    assert (share.corrected.value, share.raw.value) == (0.5, 0.5)


def test_each_release_is_looked_at_apart() -> None:
    own = [output(0, "S", "a", "r1"), output(1, "B", "b", "r1"), output(2, "S", "a", "r2"), output(3, "S", "c", "r2")]
    both = replace(own[0], releases=("r1", "r2"))
    found = figures.by_release([both, *own[1:]], {AGENT: verdicts(own, "SBBB")}, resamples=100)
    assert {name: one["accuracy"][AGENT]["value"] for name, one in found.items()} == {"r1": 1.0, "r2": 0.3333}
    assert {name: one["outputs"] for name, one in found.items()} == {"r1": 2, "r2": 3}


def test_people_who_agree_by_hand() -> None:
    rows = [built(text, "relevance", "positive") for text in "abcd"]
    said = {"ann": "positive positive negative negative", "bob": "positive negative negative negative"}
    rows += [
        given(text, "relevance", label, who)
        for who, labels in said.items()
        for text, label in zip("abcd", labels.split(), strict=True)
    ]
    found = people(frame(*rows))
    # Observed 3/4, by chance 2/4 x 1/4 + 2/4 x 3/4 = 1/2.
    assert found["agreement"]["relevance"]["pairs"] == {
        "ann, bob": {"kappa": {"value": 0.5, "low": None, "high": None}, "items": 4}
    }
    # Krippendorff: 1 - (8 - 1) x 2 disagreements / (64 - 9 - 25).
    assert found["agreement"]["relevance"]["alpha"]["value"] == pytest.approx(1 - 7 * 2 / 30, abs=1e-4)
    assert (found["labels"]["by_people"], found["labels"]["ties"]) == (3, 1)


# --- the whole exam, with a fake of the engine that knows or does not know the truth

RULES: Mapping[str, Callable[[Case], str]] = dict.fromkeys(DIMENSIONS, lambda case: "positive")
BUILT = [output(number, "SB"[number % 2], f"u{number // 4}") for number in range(16)]
REAL = [output(100 + number, "SSB"[number % 3], f"u{number // 4}", "r1") for number in range(16)]
TRUTH = {one.case.text: one.labels["relevance"] for one in [*BUILT, *REAL]}
TIERS_OF = {"positive": "S", "negative": "B"}


def told(request: Request, label: str) -> Mapping[str, float]:
    """A label of an agent's question, or the tier that it comes to of a one-shot judge's."""
    if "one_shot" not in request.role:
        return sure(label, 0.9)
    tier = TIERS_OF[label]
    return {tier: 0.9, **dict.fromkeys(sorted({"S", "A", "B"} - {tier}), 0.05)}


def truth_of(request: Request) -> str:
    named = [text for text in TRUTH if f"{text}\n" in f"{request.prompt}\n"]
    return TRUTH[max(named, key=len)]


def knows(request: Request) -> Mapping[str, float]:
    """Always right when tuned; untuned everything is positive."""
    return told(request, "positive" if request.role.startswith("untuned") else truth_of(request))


def exam(built_set: Sequence[Examined] = BUILT, real_set: Sequence[Examined] = REAL) -> run.Exam:
    attacked = Attacked.of([one.case for one in real_set], (7, 8), 60, (), lambda one: ("attack",))
    sizes = SIZES.model_copy(update={"reasked": 8, "good_outputs": 16})
    return run.Exam(built_set, real_set, attacked, sizes, JudgeExamSettings(resamples=100))


def examiners(shares: Callable[[Request], Mapping[str, float]], **other: Any) -> tuple[Examiners, Answers]:
    ask = Answers(shares)
    made = asking(rules=list(DIMENSIONS[1:]))
    return Examiners(ask, {DAY: made}, RULES, other.pop("guard", None), **other), ask


def test_a_judge_that_is_always_right_has_full_marks_and_its_rivals_have_theirs() -> None:
    chances = {one.case.item_id: 0.7 if TRUTH[one.case.text] == "positive" else 0.2 for one in [*BUILT, *REAL]}
    judges, ask = examiners(knows, chances=chances)
    turns: list[str] = []
    found = run.examine(exam(), judges, turns.append)
    for of in (found, found["real_outputs"]):
        assert of["kappa"][AGENT] == of["f1_superior"][ONE_SHOT] == {"value": 1.0, "low": 1.0, "high": 1.0}
        assert of["kappa"][AGENT_BASE]["value"] == of["kappa"][LOOKUP]["value"] == 0.0
        assert of["kappa"][REGRESSION]["value"] == 1.0
    # Half of the built ones are S, and 11 of the 16 real ones.
    assert found["accuracy"][AGENT_BASE]["value"] == 0.5
    assert found["real_outputs"]["accuracy"][LOOKUP]["value"] == 11 / 16
    assert found["superior_errors"] == {"sensitivity": {"found": 11, "of": 11}, "specificity": {"found": 5, "of": 5}}
    assert found["ceiling"] == {"by": REGRESSION, "kappa": found["real_outputs"]["kappa"][REGRESSION]}
    assert found["self_consistency"][AGENT]["value"] == 1.0
    assert found["real_outputs_by_release"].keys() == {"r1"}
    assert turns == [*MODELS, "canaries"]
    # The same questions of all four, and none of canaries that the guard flagged.
    assert len(ask.asked) == exam().questions(1) == 4 * (32 + 8)
    prompts = {name: [one.prompt for one in ask.asked if one.role == role] for name, role in ROLES.items()}
    assert prompts[AGENT] == prompts[AGENT_BASE]
    # What is asked once more is asked in another order.
    for asked in prompts.values():
        assert len(asked) == len(set(asked)) == 40


def test_a_judge_that_only_knows_built_outputs_is_blind_on_real_ones() -> None:
    known = {one.case.text for one in BUILT}

    def blind(request: Request) -> Mapping[str, float]:
        named = max((text for text in TRUTH if f"{text}\n" in f"{request.prompt}\n"), key=len)
        return told(request, TRUTH[named] if named in known else "positive")

    found = run.examine(exam(), examiners(blind)[0])
    assert found["kappa"][AGENT]["value"] == 1.0
    assert found["real_outputs"]["kappa"][AGENT]["value"] == 0.0
    assert REGRESSION not in found["kappa"]


def test_a_judge_that_goes_by_the_order_is_inconsistent() -> None:
    first: set[tuple[str, str]] = set()

    def by_order(request: Request) -> Mapping[str, float]:
        tag = max((text for text in TRUTH if f"{text}\n" in f"{request.prompt}\n"), key=len)
        seen = (request.role, tag) in first
        first.add((request.role, tag))
        return told(request, "negative" if seen else "positive")

    found = run.examine(exam(), examiners(by_order)[0])
    assert found["self_consistency"][AGENT]["value"] == 0.0
    assert found["self_consistency"]["outputs"] == 8


def test_canaries_are_caught_by_flags_or_by_the_judge_and_each_seed_is_told() -> None:
    flagged = run.examine(exam(), examiners(knows)[0])
    assert flagged["canaries"] == flagged["canaries_caught"] == len(exam().attacked.canaries)
    # Two seeds share their fixed half.
    assert flagged["canaries"] == 30 + 2 * 30
    assert {seed: one["canaries"] for seed, one in flagged["canary_details"]["by_seed"].items()} == {"7": 30, "8": 30}
    assert flagged["canary_details"]["asked"] == 0

    quiet = exam()
    quiet = replace(quiet, attacked=replace(quiet.attacked, flags=((),) * len(quiet.attacked.canaries)))
    fooled, ask = examiners(lambda request: told(request, "positive"))
    found = run.examine(quiet, fooled)
    assert found["canaries_caught"] == 0
    assert found["canary_details"]["asked"] == found["canaries"]
    assert found["canary_details"]["missed"]
    assert len(ask.asked) == quiet.questions(1)


def test_flags_on_good_outputs_are_counted_and_too_few_are_refused() -> None:
    touchy = exam()
    judges, _ = examiners(knows, guard=lambda one: ("odd",) if one.text in ("tag 100", "tag 101") else ())
    found = run.examine(touchy, judges)
    assert found["false_flags"] == 2
    assert found["good_outputs"]["false_flag_share"]["value"] == 2 / 16
    # Of the fourteen that were not flagged five are bad, and rightly so.
    assert found["good_outputs"]["bad_share"]["value"] == pytest.approx(5 / 14, abs=1e-4)
    few = replace(touchy, sizes=touchy.sizes.model_copy(update={"good_outputs": 17}))
    with pytest.raises(DataError, match="17 good outputs at least, and 16 were judged"):
        run.examine(few, judges)


# --- asking in chunks


class Kept:
    """Keeps what it is told to keep; a chunk takes two seconds, and the third one breaks where it is told to."""

    def __init__(self, breaks: int = -1) -> None:
        self.counts, self.now, self.done, self.breaks = Counts(), 0.0, 0, breaks
        self.said: list[str] = []

    def begin_chunk(self) -> None:
        self.said.append("begin")

    def ask(self, requests: Sequence[Request]) -> list[Answer]:
        self.now += 2.0
        for one in requests:
            if one.prompt == "kept":
                self.counts.of(one.role).cached_answers += 1
            else:
                self.counts.of(one.role).add(Answer("", 10, 4, 1))
        self.said.append(" ".join(one.user_id for one in requests))
        return [ranked(sure("positive")) for _ in requests]

    def end_chunk(self) -> int:
        self.said.append("end")
        return 0


def request(user: str, prompt: str = "new", role: str = "judge") -> Request:
    return replace(Request.ranked(user, role, prompt, asking().labels, 3))


def test_each_chunk_of_users_is_kept_before_the_next_and_what_is_asked_is_paid_for() -> None:
    kept = Kept()
    ask = AskedInChunks(kept, 2, lambda: 0.5 if kept.now else 0.0, lambda: kept.now)
    requests = [request("ann"), request("ann"), request("bob"), request("cid", "kept")]
    assert len(ask(requests)) == 4
    assert kept.said == ["begin", "ann ann bob", "end", "begin", "cid", "end"]
    # The start of half a second is no part of it, and the second chunk asked nothing.
    assert ask.spent == {"judge": Spent(3, 18, 1.5)}
    found = cost(ask.spent, {AGENT: "judge", ONE_SHOT: "one_shot"}, {AGENT: 3, ONE_SHOT: 1})
    assert found[AGENT] == {"questions": 3, "computed_tokens": 18.0, "seconds": 1.5, "measured": 1}
    assert found[ONE_SHOT] == {"questions": 1, "computed_tokens": None, "seconds": None, "measured": 0}


def test_chunks_are_of_users_that_follow_one_another() -> None:
    requests = [request(user) for user in "aabca"]
    assert [[one.user_id for one in chunk] for chunk in chunks(requests, 2)] == [["a", "a", "b"], ["c", "a"]]
