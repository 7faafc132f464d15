"""The jobs on real Spark, over days of the demo log."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from lake.audit import audit
from lake.delta import tables, writing
from lake.delta.publishing import publish
from lake.delta.staging import Batch
from lake.delta.tables import live_files, open_table
from lake.registry.evaluation_file import read_rule
from lake.store.location import Lake
from runtime.errors import DataError, SourceMissing
from schemas import (
    behaviors,
    contexts,
    entities,
    entity_vectors,
    examples,
    items,
    profiles,
    rejected_behaviors,
    rollups,
    signals,
)
from schemas.registry import TABLES
from settings import HistorySettings, Settings, SourceSettings, load_settings
from spark_jobs.compress import compress
from spark_jobs.examples import make_examples
from spark_jobs.land import land
from spark_jobs.landing.sources.completejourney import CompleteJourney
from spark_jobs.roll_up import roll_up_until
from spark_jobs.signals import stage_signals

FIRST, LAST, LATER = date(2017, 10, 30), date(2017, 11, 1), date(2017, 11, 2)
DAY = LAST.isoformat()
EXAMPLES_DAY = "2017-10-31"
# One day of history and one of outcomes, so that three days hold an example.
EVALUATION = f"""
days = [{DAY}]
history_days = 1
outcome_days = 1
minimum_events = 1
minimum_active_days = 1
"""
HISTORY = HistorySettings()


def _tokenizer() -> str:
    """A real tokenizer that splits as the model's does: before spaces. Its ids are of no matter here."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return str(tokenizer.to_str())


TOKENIZER = _tokenizer()


class Refreshed:
    """A lake with three landed and compressed days, and the manifests of the steps."""

    def __init__(self, folder: Path, key: Path) -> None:
        self.lake = Lake.open(folder / "lake")
        self.data_docs = folder / "data_docs"
        evaluation = folder / "evaluation.toml"
        evaluation.write_text(EVALUATION)
        self.settings = Settings(source=SourceSettings(pseudonym_key=key, evaluation=evaluation, first_day=FIRST))
        self.landed = self.land(FIRST, LAST)
        self.rolled = roll_up_until(self.lake, DAY)
        self.publish(self.rolled["batches"])
        self.signals = stage_signals(self.lake, DAY, self.settings)
        self.publish(self.signals["batches"])
        self.compressed = self.compress()
        self.publish(self.compressed["batches"])
        self.embed()
        self.examples = self.make_examples()
        self.publish(self.examples["batches"])

    def publish(self, paths: Sequence[str]) -> None:
        batches = [Batch.load(self.lake, path) for path in paths]
        audit(self.lake, batches, self.data_docs)
        publish(self.lake, batches)

    def land(self, first: date, last: date) -> dict[str, Any]:
        manifest = land(self.lake, CompleteJourney(readable_labels=True), first, last, self.settings.source, 2)
        self.publish(manifest["batches"])
        return manifest

    def compress(self) -> dict[str, Any]:
        return compress(self.lake, DAY, HISTORY, TOKENIZER)

    def embed(self) -> None:
        """Give every category some vector."""
        wanted = [("kind", "=", "category")]
        ids = tables.read(self.lake, entities.TABLE, columns=["entity_id"], filters=wanted)["entity_id"].to_pylist()
        vectors = np.random.default_rng(0).normal(size=(len(ids), 8)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = [{"entity_id": one, "embedder": "some", "vector": row} for one, row in zip(ids, vectors, strict=True)]
        writing.insert_new(self.lake, entity_vectors.TABLE, pa.Table.from_pylist(rows, entity_vectors.TABLE.schema))

    def make_examples(self) -> dict[str, Any]:
        return make_examples(self.lake, EXAMPLES_DAY, self.settings)

    def live(self) -> dict[str, list[str]]:
        """The live files of every table that the jobs write; a name holds its work's fingerprint and its content."""
        written = (behaviors, rejected_behaviors, items, profiles, entities, rollups, contexts, signals, examples)
        return {
            module.TABLE.name: [file.path for file in live_files(open_table(self.lake, module.TABLE), module.TABLE)]
            for module in written
        }


@contextmanager
def in_process_rows(rows: int) -> Iterator[None]:
    """Jobs of fewer rows run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTENTFLOW_SPARK__IN_PROCESS_ROWS", str(rows))
        load_settings.cache_clear()
        yield
    load_settings.cache_clear()


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refreshed]:
    folder = tmp_path_factory.mktemp("refreshed")
    with in_process_rows(0):
        yield Refreshed(folder, folder / "key")


def test_the_same_files_come_from_spark_and_without_it(
    refreshed: Refreshed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spark_jobs.distributed.on_spark", None)  # Who imports it now fails.
    with in_process_rows(1_000_000):
        without = Refreshed(tmp_path, refreshed.settings.source.pseudonym_key)
    assert without.live() == refreshed.live()
    assert without.compressed["users"] == refreshed.compressed["users"] > 0
    assert without.examples["examples"] == refreshed.examples["examples"] > 0


@pytest.mark.parametrize("rows", [0, 1_000_000], ids=["on Spark", "in this process"])
def test_what_others_laid_together_gives_the_same_files(refreshed: Refreshed, tmp_path: Path, rows: int) -> None:
    lake = Lake.open(shutil.copytree(refreshed.lake.root, tmp_path / "lake"))
    for module in (behaviors, rollups):
        delta = open_table(lake, module.TABLE)
        assert delta
        delta.optimize.z_order(["entity_id"])
        assert not any(file.is_staged for file in live_files(open_table(lake, module.TABLE), module.TABLE))
    with in_process_rows(rows):
        manifests = (
            roll_up_until(lake, DAY, force=True),
            compress(lake, DAY, HISTORY, TOKENIZER, force=True),
            make_examples(lake, EXAMPLES_DAY, refreshed.settings, force=True),
        )
    for batch in (Batch.load(lake, path) for manifest in manifests for path in manifest["batches"]):
        table = TABLES[batch.table]
        for part in batch.partitions:
            live = live_files(open_table(refreshed.lake, table), table, part.partition)
            assert sorted(file.path for file in part.files) == sorted(file.path for file in live), table.name


def test_rows_in_are_rows_out_plus_rejected(refreshed: Refreshed) -> None:
    source = CompleteJourney(readable_labels=True)
    raw = sum(source.read(part).num_rows for part in source.parts(FIRST, LAST))
    good = tables.read(refreshed.lake, behaviors.TABLE)
    bad = tables.read(refreshed.lake, rejected_behaviors.TABLE)
    assert raw == refreshed.landed["rows_in"] == good.num_rows + pc.sum(bad["copies"]).as_py()
    assert set(good["day"].to_pylist()) == {"2017-10-30", "2017-10-31", "2017-11-01"}
    assert set(bad["rule"].to_pylist()) == set(refreshed.landed["rejected"])


def test_every_behavior_has_its_entity(refreshed: Refreshed) -> None:
    known = set(tables.read(refreshed.lake, entities.TABLE)["entity_id"].to_pylist())
    assert set(tables.read(refreshed.lake, behaviors.TABLE)["entity_id"].to_pylist()) <= known


def test_rollups_count_every_reliable_behavior_once(refreshed: Refreshed) -> None:
    rolled = tables.read(refreshed.lake, rollups.TABLE)
    assert pc.sum(rolled["count"]).as_py() == tables.read(refreshed.lake, behaviors.TABLE).num_rows
    keys = pl.DataFrame(pl.from_arrow(rolled)).select("day", "user_id", "action", "entity_id")
    assert keys.is_unique().all()


def test_contexts_hold_what_their_users_did(refreshed: Refreshed) -> None:
    rows = tables.read(refreshed.lake, contexts.TABLE, DAY).to_pylist()
    counted = pl.DataFrame(pl.from_arrow(tables.read(refreshed.lake, behaviors.TABLE)))["user_id"].value_counts()
    assert {row["user_id"]: row["events"] for row in rows} == dict(counted.iter_rows())
    for row in rows:
        entries = [e for p in row["periods"] for g in p["actions"] for e in g["entities"]]
        assert sum(entry["count"] for entry in entries) == row["events"]
        assert row["tokens_hybrid"] < row["tokens_text"]
    assert sum(row["tokens_text"] for row in rows) < sum(row["tokens_full_text"] for row in rows)


def test_signals_have_a_season_and_the_holidays_ahead(refreshed: Refreshed) -> None:
    rows = tables.read(refreshed.lake, signals.TABLE, DAY).to_pylist()
    assert {row["week"] for row in rows} == {"2017-10-30"}
    assert [row["text"] for row in rows if row["kind"] == "season"] == ["autumn, week of 2017-10-30"]
    assert any("Halloween" in row["text"] for row in rows)
    assert any(row["kind"] == "campaign" for row in rows)


def test_examples_are_of_train_and_validation_and_hold_what_was_bought_next(refreshed: Refreshed) -> None:
    rule = read_rule(refreshed.settings.source)
    rows = tables.read(refreshed.lake, examples.TABLE, EXAMPLES_DAY).to_pylist()
    assert {row["split"] for row in rows} == {"train", "validation"}
    assert all(rule.split_of(row["user_id"]) == row["split"] for row in rows)
    category = {row["item_id"]: row["category"] for row in tables.read(refreshed.lake, items.TABLE).to_pylist()}
    bought = tables.read(refreshed.lake, behaviors.TABLE, DAY).to_pylist()
    then = {(row["user_id"], category[row["item_id"]]) for row in bought}
    outcomes = [(row["user_id"], name) for row in rows for name in row["outcomes"]]
    assert len(outcomes) == len(set(outcomes)) == refreshed.examples["outcomes_assigned"] > 0
    assert set(outcomes) <= then


def test_examples_of_days_that_are_not_rolled_up_are_refused(refreshed: Refreshed, lake: Lake) -> None:
    with pytest.raises(SourceMissing, match=r"3 of these days are not rolled up .* \(2017-10-30 first\)"):
        make_examples(lake, EXAMPLES_DAY, refreshed.settings)
    with pytest.raises(DataError, match="past 2017-11-02, from when on nothing may be learnt"):
        make_examples(refreshed.lake, DAY, refreshed.settings)


def test_equal_work_is_reused(refreshed: Refreshed) -> None:
    again = land(refreshed.lake, CompleteJourney(readable_labels=True), FIRST, LAST, refreshed.settings.source, 2)
    assert (again["batches"], again["reused_days"]) == ([], 3)
    assert roll_up_until(refreshed.lake, DAY)["batches"] == []
    assert stage_signals(refreshed.lake, DAY, refreshed.settings)["batches"] == []
    made = refreshed.make_examples()
    assert made == {"batches": [], "reused": True, "examples": refreshed.examples["examples"]}
    assert refreshed.compress() == {"batches": [], "reused": True, "users": refreshed.compressed["users"]}


def test_a_day_that_is_landed_later_reaches_no_earlier_context(refreshed: Refreshed) -> None:
    before = tables.partition_digest(refreshed.lake, contexts.TABLE, DAY)
    refreshed.land(LATER, LATER)
    refreshed.publish(roll_up_until(refreshed.lake, LATER.isoformat())["batches"])
    again = compress(refreshed.lake, DAY, HISTORY, TOKENIZER, force=True)
    refreshed.publish(again["batches"])
    assert tables.partition_digest(refreshed.lake, contexts.TABLE, DAY) == before
    rows = tables.read(refreshed.lake, contexts.TABLE, DAY)
    assert max(rows["last_day"].to_pylist()) <= DAY
