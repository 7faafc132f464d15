"""What an evaluation asked of a release is read again for its judge, and asked of nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evaluation.gate.judged import judged_rows
from evaluation.grid import Grid
from lake.delta import tables
from lake.delta.staging import Batch, StagedPartition, stage
from lake.registry import releases
from lake.registry.user_results import Header, UserResults
from lake.store.location import Lake
from model_steps import infer, judge_candidate, release
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.evaluating import inferred
from model_steps.evaluating.results import asked_with, lists_digest
from model_steps.evaluating.work_lake import copy_inputs, publish_unaudited
from runtime.errors import SourceMissing
from schemas import answers, intents
from settings import InferenceSettings, Settings
from tests.evaluation.gate_cases import HOLDOUT
from tests.model_steps.test_judge_sample import intent, shop
from tests.model_steps.test_real_model import CATALOG, DAY

__all__ = ["shop"]


def test_the_settings_of_an_evaluation_are_as_its_environment_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in inferred.SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert inferred.as_asked(Settings(inference=InferenceSettings(tags=10))).inference == Settings().inference


class Namer:
    """Stands in for the engine of the agents: names the first options of each request."""

    seconds = 0.0

    def __call__(self, _slots: Any) -> Namer:
        return self

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        return [self._named(request) for request in requests]

    def _named(self, request: Request) -> Answer:
        assert request.options is not None
        texts = request.options.texts[: request.most]
        return Answer(ranking.write([(text, -1.0 - number) for number, text in enumerate(texts)]), 1, 0, 1)

    def reset_prefix_cache(self) -> None:
        """Nothing is cached."""


def test_an_evaluations_tags_are_read_again_and_nobody_is_asked(
    shop: Lake, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TAGS": "4", "PERSONAS": "2", "TAGS_PER_EXPERT": "4"}.items():
        monkeypatch.setitem(inferred.SETTINGS, inferred.PREFIX + name, value)
    asked = InferenceSettings(
        asking="ranked", ranked_tags=4, representation="text", minimum_events=1, minimum_active_days=1, tags=2
    )
    shape = settings.examples.model_copy(update={"personas": 2, "categories": 3})
    told = settings.model_copy(update={"inference": asked, "examples": shape})
    made = release.make(tmp_path / "releases", None)
    releases.install(shop, *releases.load(tmp_path / "releases" / made.name))
    work, users = Lake.open(tmp_path / "work"), ["u1", "u3"]

    def evaluated(start: Any) -> list[dict[str, Any]]:
        releases.install(work, *releases.read(shop, made.name))
        copy_inputs(shop, work, DAY, users)
        manifest = infer.infer(work, DAY, "1/1", inferred.as_asked(told), 0, release=made.name, start=start)
        publish_unaudited(work, [Batch.load(work, path) for path in manifest["batches"]])
        return list(tables.read(work, intents.TABLE, DAY).to_pylist())

    said = evaluated(Namer())
    assert {row["user_id"] for row in said} == set(users)
    lists = {user: [row["category"] for row in said if row["user_id"] == user] for user in users}
    assert all(len(own) == 4 for own in lists.values())
    outputs = lists_digest(tuple(users), Grid.of(users, list(CATALOG)).ranked(lists, 30))
    rows = judged_rows(figures(users), {user: ["S"] for user in users})
    measured = UserResults(Header(made.name, DAY, HOLDOUT, "look", outputs, asked_with(told), {}, {}), rows)
    candidate = judge_candidate.Candidate(shop, work, made.name, DAY, None, 0, 2)
    assert candidate.asked_tags(measured, told) == said
    # Another release was evaluated since: its intents lie there now, and the answers are still kept.
    publish_other(work)
    assert candidate.asked_tags(measured, told) == said
    # One answer is lost: nobody is asked for it again.
    publish_other(work)
    kept = tables.open_table(work, answers.TABLE)
    assert kept is not None
    kept.delete("user_id = 'u3'")
    with pytest.raises(SourceMissing, match=f"Not all that {made.name} was asked .* is kept"):
        candidate.asked_tags(measured, told)


def figures(users: Sequence[str]) -> pa.Table:
    """Figures of users who have nothing but their groups."""
    rows = [{"user_id": user, "activity": "light", "history": "known"} for user in users]
    return pa.Table.from_pylist(rows)


def publish_other(work: Lake) -> None:
    """Put another release's intents of the day in the place of those that are there."""
    rows = [{**intent("u1", 1, "baby food"), "release": "another"}]
    table, partition = intents.TABLE, {"day": DAY}
    data = pa.Table.from_pylist(rows, table.schema).select(table.file_schema.names)
    file = stage(work, table, data, fingerprint="another", partition=partition)
    publish_unaudited(work, [Batch(table.name, "infer", (StagedPartition(partition, "another", (file,)),))])
