"""The real SmolLM2 on vLLM: structured output, the answer cache, the shared prefix, a kill between two chunks.

Few users and short answers: these tests are about the machinery, not about what a small model says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.delta import tables, writing
from lake.delta.staging import Batch, read_staged, stage
from lake.store.location import Lake
from model_steps import embed, infer
from model_steps.agents import arbiter
from model_steps.embedding.embedder import Embedder
from model_steps.embedding.slots import EntitySlots
from model_steps.engine.asking import Answer, Request, Sampling
from model_steps.engine.vllm_engine import Engine
from model_steps.inferring.work import Work
from representation.cleaning import entity_id
from representation.hybrid import SLOT
from runtime.errors import InfrastructureError
from schemas import answers, contexts, entities, failures, intents, signals
from settings import Settings

DAY = "2017-10-31"
CATALOG = {
    "plain yogurt": "dairy",
    "shredded cheese": "dairy",
    "whole milk": "dairy",
    "cream cheese": "dairy",
    "white bread": "bakery",
    "wheat bagels": "bakery",
    "chocolate muffins": "bakery",
    "potato chips": "snacks",
    "corn chips": "snacks",
    "mixed nuts": "snacks",
    "baby diapers": "baby",
    "baby food": "baby",
}
USERS = {"u1": tuple(CATALOG)[:6], "u2": tuple(CATALOG)[3:9], "u3": tuple(CATALOG)[6:]}


class Counting:
    """The engine, counting, and failing when told to; inference starts it, although it runs already."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.calls, self.waves_left, self.seconds = engine, 0, -1, 0.0
        self.prompts: list[str] = []
        self.starts = 0

    def __call__(self, slots: EntitySlots | None) -> Counting:
        self.starts += 1
        self.engine.slots = slots
        return self

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        if self.waves_left == 0:
            raise InfrastructureError("The engine was killed.")
        self.waves_left -= 1
        self.calls += len(requests)
        self.prompts += [request.prompt for request in requests]
        return self.engine.generate(requests)

    def reset_prefix_cache(self) -> None:
        self.engine.reset_prefix_cache()


@pytest.fixture
def model(engine: Engine) -> Counting:
    return Counting(engine)


def publish(lake: Lake, table: Any, rows: list[dict[str, Any]]) -> None:
    """Make rows readable without the audit, which is not what these tests are about."""
    from lake.delta.publishing import _replace
    from lake.delta.staging import StagedPartition

    file = stage(lake, table, pa.Table.from_pylist(rows, table.schema), fingerprint="test", partition={"day": DAY})
    delta = writing.create(lake, table)
    _replace(delta, table, [StagedPartition({"day": DAY}, "test", (file,))], {(DAY,): []})


def context_row(user: str, items: Sequence[str]) -> dict[str, Any]:
    entries = [{"entity_id": entity_id("item", text), "count": n + 1} for n, text in enumerate(items)]
    row: dict[str, Any] = {
        "user_id": user,
        "periods": [{"period": DAY, "actions": [{"action": "purchase", "entities": entries}]}],
        "attributes": [{"name": "age", "value": "35-44"}],
        "interests": [{"category": items[0], "count": 9}],
        "evidence": [
            {"category": text, "days": 9 - n, "last_day": DAY, "usual_interval": 7.0, "rank": n + 1}
            for n, text in enumerate(items)
        ],
    }
    numbers = dict.fromkeys(
        ("events", "active_days", "dropped_entries", "tokens_full_text", "tokens_text", "tokens_hybrid"), 9
    )
    return {**row, **numbers, "day": DAY, "first_day": DAY, "last_day": DAY, "digest": user}


def fill(lake: Lake) -> None:
    """A small shop: its catalog, its embedded categories, three users, one season."""
    catalog = [
        {
            "entity_id": entity_id(kind, text),
            "text": text if kind == "item" else f"{text}, {parent}",
            "kind": kind,
            "category": text,
            "category_path": f"{parent} > {text}",
        }
        for text, parent in CATALOG.items()
        for kind in ("item", "category")
    ]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(catalog, entities.TABLE.schema))
    publish(lake, contexts.TABLE, [context_row(user, items) for user, items in USERS.items()])
    season = {"day": DAY, "week": "2017-10-30", "kind": "season", "text": "autumn", "weight": 1.0}
    publish(lake, signals.TABLE, [season])
    assert embed.embed(lake, Embedder(), DAY)["entities_out"] == 2 * len(CATALOG)


def run(lake: Lake, settings: Settings, model: Counting) -> dict[str, Any]:
    return infer.infer(lake, DAY, "1/1", settings, users=0, force=True, start=model)


@pytest.fixture(params=["hybrid", "text"])
def form(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """The settings with each form of a history."""
    inference = settings.inference.model_copy(update={"representation": request.param})
    return settings.model_copy(update={"inference": inference})


@pytest.fixture
def ranked(settings: Settings) -> Settings:
    """The settings of agents that ask by rank, and of an arbiter that reviews."""
    wanted = {"asking": "ranked", "arbiter": "review", "ranked_tags": 4, "review_pool": 6, "representation": "hybrid"}
    inference = settings.inference.model_copy(update=wanted)
    shape = settings.examples.model_copy(update={"personas": 2, "categories": 3})
    return settings.model_copy(update={"inference": inference, "examples": shape})


def test_a_form_holds_the_answer(engine: Engine) -> None:
    pool = ["fresh milk", "white bread", "red wine"]
    choice = Sampling(maximum_tokens=40, presence_penalty=2.0, grammar=arbiter.grammar(pool, 2))
    listed = Sampling(maximum_tokens=20, temperature=0.8, seed=7, regex="[a-z]{2,5}(, [a-z]{2,5}){2}")
    requests = [Request("u", "arbiter", "Choose.", choice), Request("u", "expert", "List.", listed)]
    chosen, tags = engine.generate(requests)
    assert arbiter.parse(chosen.text, pool)
    assert len(tags.text.split(", ")) == 3
    assert (chosen.finished, tags.finished) == (True, True)
    assert chosen.prompt_tokens > 0
    engine.reset_prefix_cache()
    assert [answer.text for answer in engine.generate(requests)] == [chosen.text, tags.text]


def test_a_day_is_inferred_resumed_and_carried_forward(
    tmp_path: Path, lake: Lake, form: Settings, model: Counting
) -> None:
    fill(lake)
    whole = run(lake, form, model)
    assert (whole["users_published"], whole["users_failed"], whole["users_with_wrong_tags"]) == (3, 0, 0)
    assert whole["model_calls"] == model.calls >= 3 * 4
    assert whole["users_without_model_call"] == 0
    rows = read_staged(lake, intents.TABLE, Batch.load(lake, whole["batches"][0]).partitions[0]).to_pylist()
    assert all(row["category"] in CATALOG and row["why"] and row["persona"].endswith("expert") for row in rows)
    assert Batch.load(lake, whole["batches"][1]).table == failures.TABLE.name

    # The arbiter finds the planner's context in the cache: all of its whole blocks.
    prompts = whole["roles"]["arbiter"]
    assert prompts["cached_tokens"] > 0.4 * prompts["prompt_tokens"]
    said = tables.read(lake, answers.TABLE).to_pylist()
    assert len(said) == model.calls
    assert all(isinstance(json.loads(row["text"]), list) for row in said)
    # Planner and arbiter read the history, an expert reads its persona.
    # What all users share, the day's signals with it, comes first: the cache holds it.
    shown = [prompt for prompt in model.prompts if "<context>\nseason: autumn\nprofile:" in prompt]
    assert len(shown) == 2 * len(USERS)
    assert all((SLOT in prompt) is (form.inference.representation == "hybrid") for prompt in shown)
    experts = [prompt for prompt in model.prompts if "<persona>\nprofile:" in prompt]
    assert len(experts) >= 2 * len(USERS)
    assert not any("<context>" in prompt or SLOT in prompt for prompt in experts)

    # Nothing changed: no call, no engine, the same staged files.
    before = model.calls
    again = run(lake, form, model)
    assert (model.calls, again["model_calls"], again["users_without_model_call"]) == (before, 0, 3)
    assert model.starts == 1
    assert again["batches"] == whole["batches"]

    # Killed in the second chunk: the first is kept, the second is asked again, and nothing differs in the end.
    other = Lake.open(tmp_path / "other")
    fill(other)
    model.waves_left = 4
    with pytest.raises(InfrastructureError, match="killed"):
        run(other, form, model)
    model.waves_left = -1
    kept = tables.read(other, answers.TABLE).num_rows
    assert 0 < kept < before
    resumed = run(other, form, model)
    assert resumed["model_calls"] == before - kept
    assert resumed["batches"] == whole["batches"]


def test_a_day_is_ranked_resumed_and_carried_forward(
    tmp_path: Path, lake: Lake, ranked: Settings, model: Counting
) -> None:
    fill(lake)
    whole = run(lake, ranked, model)
    assert (whole["users_published"], whole["users_failed"], whole["users_with_wrong_tags"]) == (3, 0, 0)
    # Of each user two personas are named and ranked, and one pool is reviewed.
    assert whole["model_calls"] == model.calls == 3 * 5
    assert {role: counts["calls"] for role, counts in whole["roles"].items()} == {
        "planner": 6,
        "expert": 6,
        "arbiter": 3,
    }
    assert whole["chosen_by"] == {"arbiter": 1.0, "completion": 0.0, "probability": 0.0}
    rows = read_staged(lake, intents.TABLE, Batch.load(lake, whole["batches"][0]).partitions[0]).to_pylist()
    assert all(row["tag"] == row["category"] in CATALOG and row["category_similarity"] == 1.0 for row in rows)
    for row in rows:
        own = USERS[row["user_id"]]
        assert (f"Bought before: {row['tag']} on " in row["why"]) is (row["tag"] in own)
        assert any(f"{text} on " in row["why"] for text in own)

    # The steps of a ranking find its prompt in the cache.
    cached = {role: counts["cached_tokens"] / counts["prompt_tokens"] for role, counts in whole["roles"].items()}
    assert min(cached["planner"], cached["expert"]) > 0.2, cached
    # An arbiter of six tags takes one step or two.
    assert cached["arbiter"] > 0, cached
    shown = [prompt for prompt in model.prompts if "<context>\nseason: autumn\nprofile:" in prompt]
    assert len(shown) == 2 * len(USERS)
    assert all(SLOT in prompt for prompt in shown)
    experts = [prompt for prompt in model.prompts if "<persona>\nseason: autumn\ncustomer: age 35-44" in prompt]
    assert len(experts) == 2 * len(USERS)
    assert not any("<context>" in prompt or SLOT in prompt for prompt in experts)

    before = model.calls
    again = run(lake, ranked, model)
    assert (model.calls, again["model_calls"], again["users_without_model_call"]) == (before, 0, 3)
    assert again["batches"] == whole["batches"]

    # Killed in the second chunk, and started again.
    other = Lake.open(tmp_path / "other")
    fill(other)
    model.waves_left = 4
    with pytest.raises(InfrastructureError, match="killed"):
        run(other, ranked, model)
    model.waves_left = -1
    kept = tables.read(other, answers.TABLE).num_rows
    assert 0 < kept < before
    resumed = run(other, ranked, model)
    assert resumed["model_calls"] == before - kept
    assert resumed["batches"] == whole["batches"]

    # Another way of asking, other personas: other work.
    names = {whole["fingerprint"]}
    for changed in ({"asking": "written"}, {"fresh_only": True}, {"ranked_tags": 5}):
        inference = ranked.inference.model_copy(update=changed)
        names.add(fingerprint(lake, ranked.model_copy(update={"inference": inference})))
    for other_shape in ({"categories": 2}, {"tokens": 300}):
        shape = ranked.examples.model_copy(update=other_shape)
        names.add(fingerprint(lake, ranked.model_copy(update={"examples": shape})))
    assert len(names) == 6


def fingerprint(lake: Lake, settings: Settings) -> str:
    """The name of the work, without doing any."""
    return Work.of(infer.STEP, lake, DAY, "1/1", settings, 0, None).name
