"""The labelled set of a small shop: what each label says is found again in the log, and nothing leaks."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pytest

from evaluation.labels import items, merge, tiers
from lake.delta import tables, writing
from lake.registry.splits import add_days
from lake.store.location import Lake
from model_steps.build_judge_labels import build, default_days
from model_steps.judge.building import Builder, Shape
from model_steps.judge.case import Case, Customer
from model_steps.judge.customers import read_cases, read_catalog_facts, read_people
from model_steps.judge.labelled import Row, cases_of
from model_steps.judge.others import Others
from model_steps.judge.outcomes import Outcomes
from model_steps.judge.real_outputs import draw
from model_steps.judge.rules import RULES
from model_steps.judge.written import Written
from runtime.errors import DataError, Exit, SourceMissing, UsageError
from schemas import entity_vectors, intents
from schemas.judge_labels import TABLE
from settings import ROOT, Settings
from tests.evaluation.conftest import put
from tests.model_steps.judge_shop import MILK_BUYER, NAMES, catalog, catalog_facts, customer, evidence
from tests.model_steps.labelled_shop import (
    EVALUATION,
    LOG,
    LOG_ENDS,
    RULE,
    TRAINING,
    USERS,
    WINDOW,
    Land,
    building,
    land_shop,
    rows_of,
    settings_of_the_shop,
)


@pytest.fixture
def chosen() -> Settings:
    return settings_of_the_shop()


@pytest.fixture
def shop(land: Land) -> Lake:
    return land_shop(land)


def outcome(user: str, day: str, categories: Sequence[str], until: str) -> str | None:
    """The label of relevance, straight from the log."""
    later = [(at[:10], name) for who, at, _, name in LOG if who == user and day < at[:10] < until]
    if any(name in categories and at <= add_days(day, WINDOW) for at, name in later):
        return "positive"
    return None if any(name in categories for _, name in later) else "negative"


# --- the command's parts, on a lake


def test_every_label_says_what_the_log_and_the_catalog_say(shop: Lake, chosen: Settings) -> None:
    manifest = build(building(shop, chosen), [TRAINING, EVALUATION])
    rows = rows_of(shop)
    assert manifest["labels"] == manifest["inserted"] == len(rows)
    assert sum(manifest["counts"].values()) == len(rows)
    assert {(row["day"], row["split"]) for row in rows} == {
        (TRAINING, "train"),
        (TRAINING, "validation"),
        (EVALUATION, "holdout"),
    }
    facts = read_catalog_facts(shop)
    by_day = {day: read_people(shop, day, RULE, facts.vectors, chosen) for day in (TRAINING, EVALUATION)}
    customers = {(day, user): one for day, people in by_day.items() for user, one in people.customers.items()}
    cases = {case.item_id: case for case in cases_of(rows, customers)}
    seen: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        assert row["split"] == RULE.split_of(row["user_id"])
        case, dimension, origin = cases[row["item_id"]], row["dimension"], row["origin"]
        seen[dimension, origin, row["label"]] += 1
        if dimension == "relevance":
            until = RULE.trained_until if row["day"] == TRAINING else LOG_ENDS
            named = [case.category] if case.category else sorted(facts.below(case.text))
            assert row["label"] == outcome(row["user_id"], row["day"], named, until)
            assert origin == {"positive": f"outcome_{WINDOW}_days", "negative": "untouched"}[row["label"]]
        else:
            assert row["label"] == RULES[dimension](case, facts), (row, case)
    assert {found[:2] for found in seen} == {
        ("relevance", f"outcome_{WINDOW}_days"),
        ("relevance", "untouched"),
        ("consistency", "own"),
        ("consistency", "own_without_facts"),
        ("consistency", "shuffled"),
        ("consistency", "shuffled_near"),
        ("consistency", "reason_facts"),
        ("specificity", "catalog_level"),
        ("validity", "catalog_words"),
    }
    labels = {dimension: {label for name, _, label in seen if name == dimension} for dimension in RULES}
    assert labels["specificity"] == labels["validity"] == labels["consistency"] == {"negative", "neutral", "positive"}


def test_what_train_users_did_after_the_training_is_not_read(shop: Lake, chosen: Settings) -> None:
    """They all buy wine on the first day that may not be read, so to the labels wine is untouched."""
    assert any(at.startswith(RULE.trained_until) and name == "red wine" for _, at, _, name in LOG)
    manifest = build(building(shop, chosen), [TRAINING])
    of_wine = [row for row in rows_of(shop) if row["category"] == "red wine" and row["dimension"] == "relevance"]
    assert {row["label"] for row in of_wine} <= {"negative"}
    assert manifest["days"][TRAINING]["train"]["read_until"] == RULE.trained_until
    late = add_days(TRAINING, 1)
    with pytest.raises(DataError, match=rf"after {late} is known by .* from when on nothing may be learnt"):
        build(building(shop, chosen), [late])


def test_evidence_is_of_the_day_and_before(shop: Lake, chosen: Settings) -> None:
    facts = read_catalog_facts(shop)
    people = read_people(shop, TRAINING, RULE, facts.vectors, chosen)
    # Evidence begins on the Monday at least twenty days before the Monday of the week.
    first = "2017-01-30"
    for user, one in people.customers.items():
        for own in one.evidence:
            days = {at[:10] for who, at, _, name in LOG if (who, name) == (user, own.category)}
            inside = sorted(day for day in days if first <= day <= TRAINING)
            assert (own.days, own.last_day) == (len(inside), inside[-1])
        assert [own.rank for own in one.evidence] == list(range(1, len(one.evidence) + 1))
    milk = {user for user, one in people.customers.items() if any(own.label == "white milk" for own in one.evidence)}
    assert people.popularity["white milk"] == pytest.approx(len(milk) / len(people.customers))


def test_the_same_again_changes_nothing(shop: Lake, chosen: Settings) -> None:
    first = build(building(shop, chosen), [TRAINING])
    again = build(building(shop, chosen), [TRAINING])
    assert (again["inserted"], again["already_there"]) == (0, first["labels"])
    assert again["version"] == first["version"]
    other = build(building(shop, chosen, seed=1), [TRAINING])
    assert other["inserted"] > 0


def test_more_users_keep_the_earlier_ones(shop: Lake, chosen: Settings) -> None:
    few = build(building(shop, chosen, users=3), [TRAINING])
    users = {row["user_id"] for row in rows_of(shop)}
    assert len({user for user in users if RULE.split_of(user) == "train"}) == 3
    assert build(building(shop, chosen, users=6), [TRAINING])["already_there"] == few["labels"]


def test_labels_that_say_something_else_are_refused(shop: Lake, chosen: Settings) -> None:
    build(building(shop, chosen), [TRAINING])
    rows = rows_of(shop)
    place = next(number for number, row in enumerate(rows) if row["dimension"] == "relevance")
    rows[place]["label"] = {"positive": "negative", "negative": "positive"}[rows[place]["label"]]
    changed = Lake.open(f"{shop.root}-changed")
    writing.insert_new(changed, TABLE, pa.Table.from_pylist(rows, TABLE.schema))
    for name in ("behaviors", "rollups", "entities", "entity_vectors", "items", "profiles"):
        source = ROOT / shop.root / name
        if source.exists():
            (ROOT / changed.root / name).symlink_to(source)
    with pytest.raises(DataError, match="1 labels are in the table judge_labels already and said something else then"):
        build(building(changed, chosen), [TRAINING])
    assert rows_of(changed) == sorted(rows, key=lambda row: tuple(row[name] for name in TABLE.key))


def test_the_days_that_are_taken_by_default(shop: Lake, chosen: Settings) -> None:
    rule = replace(RULE, days=(EVALUATION, "2017-03-25"), outcome_days=1)
    wanted = replace(building(shop, chosen), rule=rule)
    # Training days are 2017-03-09, 2017-03-08, ...: of that one no twelve days are known; 2017-03-25 is too late.
    assert default_days(wanted) == [TRAINING, EVALUATION]
    with pytest.raises(UsageError, match="40 days are known: land more"):
        default_days(replace(wanted, settings=building(shop, chosen, outcome_days=40).settings))


def test_what_is_missing_is_a_sentence(shop: Lake, chosen: Settings) -> None:
    made = building(shop, chosen)
    with pytest.raises(SourceMissing, match="land more days"):
        build(building(shop, chosen, outcome_days=22), [EVALUATION])
    with pytest.raises(UsageError, match="beyond 2017-02-01, where the log begins"):
        build(made, ["2017-02-19"])
    with pytest.raises(SourceMissing, match="no vector of other"):
        read_catalog_facts(shop, "other")
    row = {"entity_id": "category shrimp", "embedder": "other", "vector": [0.0, 1.0]}
    writing.insert_new(shop, entity_vectors.TABLE, pa.Table.from_pylist([row], entity_vectors.TABLE.schema))
    with pytest.raises(UsageError, match="vectors of angles, other: name one with --embedder"):
        read_catalog_facts(shop)
    early = replace(made, rule=replace(RULE, days=("2017-03-09", EVALUATION)))
    with pytest.raises(SourceMissing, match="The holdout of 2017-03-09 is not frozen"):
        build(early, ["2017-03-09"])
    empty = Lake.open(f"{shop.root}-empty")
    with pytest.raises(SourceMissing, match="0 of 0 categories"):
        read_catalog_facts(empty)
    with pytest.raises(SourceMissing, match="No day is landed"):
        build(replace(made, lake=empty), [EVALUATION])


# --- what releases wrote


def intent(user: str, rank: int, tag: str, release: str) -> Row:
    return {
        "user_id": user,
        "rank": rank,
        "tag": tag,
        "category": tag,
        "category_similarity": 1.0,
        "persona": "dairy expert",
        "why": "Bought before: white milk on 7 days, weekly, most recently this week.",
        "expert": 1,
        "chosen_by": "probability",
        "release": release,
    }


def put_intents(lake: Lake, rows: Sequence[Row]) -> Written:
    put(lake, intents.TABLE, {EVALUATION: pa.Table.from_pylist(list(rows), intents.TABLE.file_schema)})
    return Written.of(f"{lake.root}/intents")


# Who is the second bought nothing until the evaluation day, and so has no history.
HELD_OUT = [user for user in USERS if RULE.split_of(user) == "holdout" and user != USERS[1]]


def test_a_random_slice_is_the_same_under_every_release(shop: Lake, chosen: Settings) -> None:
    tags = ("white milk", "red wine", "shrimp", "yogurt")
    everybody = [intent(user, rank, tag, "r1") for user in USERS for rank, tag in enumerate(tags, 1)]
    # The second release serves all but one, orders otherwise, and once writes what no category is called.
    second = [
        {**intent(user, rank, tag, "r2"), **({"tag": f"{tag} bits", "category_similarity": 0.7} if rank == 4 else {})}
        for user in HELD_OUT[1:]
        for rank, tag in enumerate(reversed(tags), 1)
    ]
    sources = [
        put_intents(Lake.open(f"{shop.root}-r{number}"), rows) for number, rows in enumerate((everybody, second))
    ]
    manifest = build(building(shop, chosen, *sources), [EVALUATION])
    told = manifest["days"][EVALUATION]["holdout"]
    assert (told["releases"], told["real_users"], told["real_outputs"]) == (["r1", "r2"], 3, 12)
    assert told["users_not_under_every_release"] == 1
    real = [row for row in rows_of(shop) if row["release"]]
    by_release = {
        release: {(row["user_id"], row["text"]) for row in real if row["release"] == release}
        for release in ("r1", "r2")
    }
    users = {release: {user for user, _ in found} for release, found in by_release.items()}
    assert users["r1"] == users["r2"] <= set(HELD_OUT[1:])
    ranks = {user: {tags.index(tag) + 1 for who, tag in by_release["r1"] if who == user} for user in users["r1"]}
    expected = {
        (user, f"{tags[4 - rank]} bits" if rank == 4 else tags[4 - rank])
        for user, found in ranks.items()
        for rank in found
    }
    assert by_release["r2"] == expected
    assert {row["split"] for row in real} == {"holdout"}
    assert {row["origin"] for row in real if row["dimension"] == "consistency"} == {"reason_facts"}
    for row in real:
        if row["dimension"] == "relevance":
            assert row["label"] == outcome(row["user_id"], EVALUATION, [row["category"]], LOG_ENDS)
        assert (row["category"] is None) == row["text"].endswith(" bits")


def test_a_slice_does_not_look_at_what_was_written() -> None:
    rows = [{**intent(user, rank, "white milk", "r1"), "day": EVALUATION} for user in HELD_OUT for rank in range(1, 6)]
    first = draw(rows, EVALUATION, HELD_OUT, 4, 2, "0")
    # Whatever was written, and who or what chose it, differs from row to row.
    others = [
        {
            **row,
            "tag": NAMES[number % 6],
            "chosen_by": ("arbiter", "completion")[number % 2],
            "why": f"{97 * number % 61}",
        }
        for number, row in enumerate(rows)
    ]
    random.Random(3).shuffle(others)
    again = draw(others, EVALUATION, reversed(HELD_OUT), 4, 2, "0")
    places = [[(row["user_id"], row["rank"]) for row in found.rows] for found in (first, again)]
    assert places[0] == places[1]
    assert len(places[0]) == 8
    assert draw(rows, EVALUATION, HELD_OUT, 4, 2, "1").rows != first.rows
    assert draw(rows, TRAINING, HELD_OUT, 4, 2, "0").rows == ()
    assert len(draw(rows, EVALUATION, HELD_OUT, 0, 0, "0").rows) == len(rows)


def test_a_source_may_be_given_a_name(shop: Lake) -> None:
    lake = Lake.open(f"{shop.root}-r")
    put_intents(lake, [intent("user0", 1, "white milk", "r1")])
    assert [row["release"] for row in Written.of(f"untuned={lake.root}").rows(EVALUATION)] == ["untuned"]
    assert [row["release"] for row in Written.of(lake.root).rows(EVALUATION)] == ["r1"]
    assert Written.of("/lakes/a=b/intents/") == Written(Lake.open("/lakes/a=b"))
    for half in (f"={lake.root}", "untuned="):
        with pytest.raises(UsageError, match="lacks a side of its equals sign"):
            Written.of(half)
    with pytest.raises(SourceMissing, match="no table intents"):
        Written.of(shop.root).rows(EVALUATION)


# --- building alone

PEOPLE = {
    "ann": customer(MILK_BUYER, "ann"),
    "ben": customer(evidence(("shrimp", 3, "2017-08-20", 5.0), ("red wine", 2, "2017-08-12", None)), "ben"),
    "cid": customer(MILK_BUYER, "cid"),
    "dan": customer((), "dan"),
}
BOUGHT = {user: frozenset({"white milk"}) for user in PEOPLE}


def builder(customers: dict[str, Customer], seed: str = "0") -> Builder:
    popularity = dict.fromkeys(NAMES, 0.5)
    return Builder(catalog_facts(), customers, Outcomes(BOUGHT, BOUGHT), popularity, Shape(2, 12, 300), 60, seed)


def test_the_order_of_customers_does_not_matter() -> None:
    first = builder(PEOPLE).build(PEOPLE)
    again = builder(dict(reversed(PEOPLE.items()))).build(list(reversed(PEOPLE)))
    assert first == again
    assert {one.case.customer.user_id for one in first} == {"ann", "ben", "cid"}
    assert builder(PEOPLE, "1").build(PEOPLE) != first


def test_near_customers_are_of_like_evidence_and_equal_ones_taken_by_name() -> None:
    milk = [customer(MILK_BUYER, f"milk {number}") for number in range(8)]
    shrimp = [customer(evidence(("shrimp", 1, "2017-08-20", None)), f"shrimp {number}") for number in range(2)]
    found = Others([*milk, *shrimp], catalog()).near("milk 7", "seed")
    assert sorted(found) == [f"milk {number}" for number in range(5)]
    assert Others([*reversed(shrimp), *reversed(milk)], catalog()).near("milk 7", "seed") == found
    assert "shrimp 1" in Others([*milk, *shrimp], catalog()).near("shrimp 0", "seed")
    anybody = Others([*milk, *shrimp], catalog()).any("milk 7", found, "seed")
    assert sorted(anybody) == ["milk 5", "milk 6", "shrimp 0", "shrimp 1"]


def test_what_holds_here_too_is_no_shuffled_pair() -> None:
    """Ann and Cid bought the very same, so what one was told may be told to the other."""
    pair = {user: PEOPLE[user] for user in ("ann", "cid")}
    made = builder(pair)
    origins = {label.origin for one in made.build(pair) for label in one.labels}
    assert not origins & {"shuffled", "shuffled_near"}
    assert made.left_out["shuffled_near_holds_here_too"] == 2


def test_both_forms_of_reasons_and_none_are_built() -> None:
    whys = [one.case.why for one in builder(PEOPLE).build(["ann"])]
    assert any(why.startswith("Bought before: ") for why in whys)
    assert any(" Bought: " in why for why in whys)
    assert any(" Goes with what was bought: " in why for why in whys)
    assert any(why.startswith("Likely to need ") and " because " not in why for why in whys)


def test_cases_come_back_from_their_rows(shop: Lake, chosen: Settings) -> None:
    made = building(shop, chosen)
    rows, _ = made.day(EVALUATION)
    people = read_people(shop, EVALUATION, RULE, made.facts.vectors, chosen)
    customers = {(EVALUATION, user): one for user, one in people.customers.items()}
    build(made, [EVALUATION])
    back, popularity = read_cases(shop, rows_of(shop), RULE, made.facts.vectors, chosen)
    assert back == cases_of(rows_of(shop), customers)
    assert popularity == {EVALUATION: people.popularity}
    assert len(back) == len({row["item_id"] for row in rows})
    for case in back:
        of_case = next(row for row in rows if row["item_id"] == case.item_id)
        texts = (of_case["text"], of_case["category"], of_case["persona"], of_case["why"])
        assert case == Case(case.item_id, people.customers[of_case["user_id"]], *texts, "")
    given = {**rows_of(shop)[0], "annotator": "ann", "origin": "people"}
    assert cases_of([given], customers) == []
    with pytest.raises(DataError, match="of whom nothing is known on that day"):
        cases_of(rows_of(shop), {})


def test_tiers_follow_and_every_tier_is_there(shop: Lake, chosen: Settings) -> None:
    build(building(shop, chosen), [TRAINING, EVALUATION])
    rows = pl.DataFrame(pl.from_arrow(tables.read(shop, TABLE)))
    merged = merge(rows)
    assert merged.contradictions.height == 0
    kinds = dict(items(rows).select("item_id", "kind").iter_rows())
    assert set(tiers(merged, kinds, 0.75)["label"]) == {"S", "A", "B"}


def test_the_command_tells_the_shell(shop: Lake) -> None:
    command = [sys.executable, "-m", "model_steps.build_judge_labels", "--lake", shop.root]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )

    ended = run("--day", "2017-08-30")
    assert (ended.returncode, ended.stdout) == (Exit.DATA, "")
    assert "the last day for users of train is 2017-07-08." in ended.stderr.splitlines()[-1]
    assert run("--users", "-1").returncode == Exit.USAGE
    assert "Traceback" not in ended.stderr
