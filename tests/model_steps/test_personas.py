"""Personas are kept with what they rest on, beside the tags of their experts, by both ways of asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lake.delta import audits
from lake.delta.publishing import publish
from lake.delta.staging import Batch, read_staged
from lake.store.location import Lake
from model_steps import infer
from model_steps.agents.evidence import CategoryFacts
from model_steps.agents.hmas import Intents
from model_steps.agents.persona_evidence import PersonaFact, of_ranked, of_written
from model_steps.agents.planner import Persona
from model_steps.agents.rows import persona_rows, tags_without_persona
from model_steps.agents.selection import Chosen, PoolTag
from model_steps.embedding.slots import EntitySlots
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from representation.evidence import CategoryEvidence
from schemas import personas
from schemas.registry import TABLES
from settings import Settings
from tests.model_steps.test_real_model import DAY, USERS, fill

MILK = CategoryFacts("milk", "milk", 3, "2017-10", ("whole milk",))


class Ranks:
    """Stands for the engine: of every request's options the first by name are the most probable."""

    seconds = 0.0

    def __call__(self, slots: EntitySlots | None) -> Ranks:
        return self

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        said = []
        for request in requests:
            assert request.options is not None
            texts = sorted(request.options.texts)
            shares = ranking.renormalized([-float(place) for place in range(len(texts))])
            said.append(ranking.write(list(zip(texts, shares, strict=True))[: request.most]))
        return [Answer(text, 1, 0, 1) for text in said]

    def reset_prefix_cache(self) -> None:
        """There is none."""


def test_what_was_counted_is_told_apart() -> None:
    assert of_written([MILK]) == (PersonaFact("milk", None, 3, "2017-10"),)
    soap = CategoryEvidence("c", "soap", 2, "2017-10-30", 7.0, 1)
    assert of_ranked([soap]) == (PersonaFact("soap", 2, None, "2017-10-30"),)


def test_a_persona_says_how_many_tags_are_its_experts() -> None:
    named = (Persona("dairy expert", "Likely to need milk.", (MILK,)), Persona("care expert", "Soap.", ()))
    chosen = tuple(Chosen(PoolTag(tag, 0), "arbiter", tag) for tag in ("milk", "kefir"))
    rows = persona_rows([Intents("u", named, chosen, (of_written([MILK]), ()))], "r")
    fact = {"label": "milk", "days": None, "actions": 3, "last": "2017-10"}
    shared = {"user_id": "u", "release": "r"}
    assert rows == [
        {**shared, "expert": 1, "persona": "dairy expert", "need": named[0].need, "evidence": [fact], "tags": 2},
        {**shared, "expert": 2, "persona": "care expert", "need": "Soap.", "evidence": [], "tags": 0},
    ]
    tag = {"user_id": "u", "expert": 1, "persona": "dairy expert"}
    others = [{**tag, "expert": 3}, {**tag, "user_id": "v"}, {**tag, "persona": "care expert"}]
    assert tags_without_persona([tag, *others], rows) == 3


@dataclass(frozen=True)
class Shard:
    """A small day, inferred by agents that rank, as text."""

    lake: Lake
    settings: Settings
    manifest: dict[str, Any]

    @property
    def batches(self) -> list[Batch]:
        return [Batch.load(self.lake, path) for path in self.manifest["batches"]]

    def rows(self, number: int) -> list[dict[str, Any]]:
        """What a batch of these staged."""
        found: list[dict[str, Any]] = read_staged(
            self.lake, TABLES[self.batches[number].table], self.batches[number].partitions[0]
        ).to_pylist()
        return found

    def again(self) -> dict[str, Any]:
        return infer.infer(self.lake, DAY, "1/1", self.settings, users=0, start=Ranks())


@pytest.fixture
def shard(settings: Settings, tmp_path: Path) -> Shard:
    lake = Lake.open(tmp_path / "lake")
    fill(lake)
    wanted = {"asking": "ranked", "representation": "text", "ranked_tags": 6, "chunk_users": 1}
    inference = settings.inference.model_copy(update=wanted)
    shape = settings.examples.model_copy(update={"personas": 2, "categories": 3})
    ranked = settings.model_copy(update={"inference": inference, "examples": shape})
    manifest = infer.infer(lake, DAY, "1/1", ranked, users=0, start=Ranks())
    return Shard(lake, ranked, manifest)


def test_a_shard_stages_personas_beside_the_tags(shard: Shard) -> None:
    assert [batch.table for batch in shard.batches] == ["intents", "failures", "personas"]
    rows, tags = shard.rows(2), shard.rows(0)
    assert [(row["user_id"], row["expert"]) for row in rows] == [(user, n) for user in sorted(USERS) for n in (1, 2)]
    for row in rows:
        assert row["release"] == shard.manifest["release"]
        assert row["need"].startswith("Likely to need ")
        # Each rests on what its user bought, as the context has it: the first category on 9 days, the next on 8.
        own = USERS[row["user_id"]]
        found = {fact["label"]: (fact["days"], fact["actions"], fact["last"]) for fact in row["evidence"]}
        assert found == {label: (9 - own.index(label), None, DAY) for label in found}
        assert found
        wrote = [tag for tag in tags if (tag["user_id"], tag["expert"]) == (row["user_id"], row["expert"])]
        assert row["tags"] == len(wrote)
        assert {tag["persona"] for tag in wrote} <= {row["persona"]}
    for user, own in USERS.items():
        # Parted: each category is one persona's.
        parted = [fact["label"] for row in rows if row["user_id"] == user for fact in row["evidence"]]
        assert sorted(parted) == sorted(own)
    assert sum(row["tags"] for row in rows) == len(tags) == shard.manifest["tags"] > 0
    assert dict(shard.batches[2].partitions[0].metrics) == {"personas": 6, "tags_without_persona": 0}


def test_what_was_lost_breaks_a_rule() -> None:
    rules = {rule.metric: rule for rule in personas.TABLE.batch_rules}
    assert rules["lost_personas"].value({"rows": 6, "personas": 7}) == 1
    assert rules["lost_personas"].value({"rows": 6, "personas": 6}) == 0
    assert rules["tags_without_persona"].maximum == 0


def test_a_day_from_before_personas_were_kept_is_staged_again_without_a_call(shard: Shard) -> None:
    def make_visible(batches: Sequence[Batch]) -> None:
        for batch in batches:
            audits.record(shard.lake, batch, {"success": True, "co_audited": [batch.digest], "failed": []})
        publish(shard.lake, batches)

    make_visible(shard.batches[:2])
    again = shard.again()
    assert (again["reused"], again["model_calls"]) == (False, 0)
    assert again["batches"] == shard.manifest["batches"]
    make_visible(shard.batches[2:])
    assert shard.again()["reused"] is True
