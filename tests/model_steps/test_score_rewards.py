"""The command that scores tags: cases or a day in, a score each out, and sentences for what it cannot score."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from evaluation.tiers import Tier
from lake.delta import tables, writing
from lake.store.location import Lake
from model_steps import score_rewards
from model_steps.embedding.embedder import Embedder
from model_steps.engine.chat import Chat
from model_steps.engine.options import Options
from model_steps.judge.case import Case
from model_steps.judge.reward.case_lines import read_cases
from model_steps.judge.reward.groups import encoder, grouped
from model_steps.judge.reward.head import label_tokens
from model_steps.judge.reward.shops import read_intents, shops_of
from model_steps.training.reward import stored
from model_steps.training.reward.making import make_reward
from runtime.errors import DataError, Exit, SourceMissing, UsageError
from schemas import contexts, days, entities, entity_vectors, intents, signals
from schemas.judge_labels import FINDINGS
from settings import ROOT, JudgeSettings, Settings, load_settings
from tests.evaluation.conftest import put
from tests.model_steps.foreign_models import build, fill_with_random_weights
from tests.model_steps.judge_shop import NAMES, SHOP, catalog, catalog_facts
from tests.model_steps.reward_cases import DAY, case_of, customer_of
from tests.model_steps.test_real_model import context_row
from tests.model_steps.tiny_reward import COUNTING, SMALL

ANN, BOB = customer_of("ann", ["white milk", "yogurt"]), customer_of("bob", ["shrimp"])
CASES = [case_of(ANN, "white milk"), case_of(BOB, "shrimp"), case_of(ANN, "yogurt"), case_of(ANN, "red wine")]
TIERS: tuple[Tier, ...] = ("S", "S", "A", "B")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With a tiny language model."""
    folder = build("qwen", tmp_path_factory.mktemp("qwen"))
    fill_with_random_weights(folder)
    base = load_settings()
    engine = base.engine.model_copy(update={"model": folder})
    return base.model_copy(update={"engine": engine, "reward": SMALL})


@pytest.fixture(scope="module")
def reward(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, model = tmp_path_factory.mktemp("reward"), settings.engine.model
    chat, reading = Chat(model), JudgeSettings(evidence_tokens=100)
    shops = shops_of(catalog_facts(), CASES, {DAY: {}}, COUNTING)
    groups = grouped(CASES, encoder(chat, shops, reading), TIERS)
    labels = label_tokens(Options(FINDINGS, chat.answer_tokens))
    wanted, about = SMALL.model_copy(update={"steps": 2}), {"reading": reading.model_dump(include=set(stored.READING))}
    made = make_reward(model, "float32", None, groups, groups, labels, wanted, folder, about, COUNTING)
    return Path(made["folder"])


def line_of(case: Case, **others: Any) -> str:
    return json.dumps({**asdict(case), **others})


def bought_on(day: str) -> dict[str, Any]:
    """A customer who bought milk on a day."""
    milk = {"category": "milk", "label": "milk", "days": 1, "last_day": day, "rank": 1}
    return {"user_id": "ann", "day": DAY, "evidence": [milk]}


def command(settings: Settings, monkeypatch: Any, **given: Any) -> dict[str, Any]:
    monkeypatch.setattr(score_rewards, "load_settings", lambda: settings)
    arguments = {"cases": None, "day": None, "lake": None, "out": None, **given}
    return score_rewards.main(argparse.Namespace(**arguments))


def test_each_case_has_its_score_in_its_place(
    lake: Lake, settings: Settings, reward: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    catalog_only(lake)
    file, out = tmp_path / "cases.jsonl", tmp_path / "scores.jsonl"
    file.write_text("\n".join(line_of(case) for case in CASES) + "\n\n", encoding="utf-8-sig")
    manifest = command(settings, monkeypatch, reward=reward, cases=file, out=out, lake=lake.root)
    said = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(one["item_id"], one["user_id"], one["text"]) for one in said] == [
        (case.item_id, case.customer.user_id, case.text) for case in CASES
    ]
    assert all(0 < one["score"] < 1 for one in said)
    assert (manifest["cases"], manifest["groups"], manifest["out"]) == (4, 2, str(out))
    assert manifest["reward"] == reward.name
    assert manifest["tokens_computed"] < manifest["tokens_without_sharing"]
    # Others beside a case, and the order of all, change nothing about its score.
    alone, _ = score_rewards.score_rewards(CASES[2:3], reward, lake, settings)
    turned, _ = score_rewards.score_rewards(CASES[::-1], reward, lake, settings)
    assert alone[0] == pytest.approx(said[2]["score"], abs=1e-4)
    assert turned[::-1] == pytest.approx([one["score"] for one in said], abs=1e-4)


def test_without_a_file_scores_are_printed(
    lake: Lake, settings: Settings, reward: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(line_of(CASES[1]))
    command(settings, monkeypatch, reward=reward, cases=file, lake=catalog_only(lake).root)
    assert json.loads(capsys.readouterr().out)["text"] == "shrimp"


def test_evidence_is_cut_as_it_was_in_training(
    lake: Lake, settings: Settings, reward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog_only(lake)
    judge = settings.judge.model_copy(update={"evidence_tokens": 64})
    other = settings.model_copy(update={"reward": SMALL.model_copy(update={"evidence_tokens": 64}), "judge": judge})
    many = [case_of(customer_of("eve", ["shrimp"] * 30), "yogurt")]
    found = score_rewards.score_rewards(many, reward, lake, settings)[1]["tokens_computed"]
    assert score_rewards.score_rewards(many, reward, lake, other)[1]["tokens_computed"] == found
    # The planted fault: they are cut as the record does not say.
    monkeypatch.setattr(stored.StoredReward, "reading", JudgeSettings(evidence_tokens=64))
    assert score_rewards.score_rewards(many, reward, lake, other)[1]["tokens_computed"] < found


def test_a_lake_without_a_catalog_is_told(
    lake: Lake, settings: Settings, reward: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(line_of(CASES[1]))
    with pytest.raises(SourceMissing, match="land a catalog"):
        command(settings, monkeypatch, reward=reward, cases=file, lake=lake.root)


def test_lines_are_cases_with_what_may_be_left_out() -> None:
    assert read_cases([line_of(case) for case in CASES], "here") == CASES
    (bare,) = read_cases(['{"customer": {"user_id": "ann", "day": "2017-08-23"}, "text": "milk"}'], "here")
    assert bare == Case(bare.item_id, bare.customer, "milk", None, "", "", "")
    assert bare.item_id.startswith("tag-")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: the object: Invalid JSON"),
        ("[]", "line 2: the object: "),
        (line_of(CASES[0], persona=3), "line 2: persona: "),
        (line_of(CASES[0], tag="milk"), "line 2: tag: Extra inputs"),
        (line_of(CASES[0], customer={"user_id": "ann", "day": "today"}), r"line 2: customer\.day: "),
        (line_of(CASES[0], customer={"user_id": "ann"}), r"line 2: customer\.day: Field required"),
        (
            line_of(CASES[0], customer=bought_on("2017-08-24")),
            "milk was bought on 2017-08-24, after the day",
        ),
        (line_of(CASES[0], customer=bought_on("2017-08-32")), "line 2: customer: Value error, "),
    ],
)
def test_a_line_that_is_no_case_is_told_by_its_number(line: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_cases([line_of(CASES[0]), line], "here")


def test_of_many_bad_lines_some_are_told() -> None:
    with pytest.raises(DataError, match="and 5 more"):
        read_cases(["{}"] * 25, "here")
    with pytest.raises(DataError, match="holds no case"):
        read_cases(["", " "], "here")


def test_files_that_cannot_be_read_or_written_are_told(
    lake: Lake, settings: Settings, reward: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        command(settings, monkeypatch, reward=reward, cases=tmp_path)
    file = tmp_path / "cases.jsonl"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no UTF-8"):
        command(settings, monkeypatch, reward=reward, cases=file)
    file.write_text(line_of(CASES[0]))
    where = catalog_only(lake).root
    with pytest.raises(UsageError, match="cannot be written"):
        command(settings, monkeypatch, reward=reward, cases=file, out=file / "below", lake=where)
    with pytest.raises(UsageError, match="holds no reward model"):
        command(settings, monkeypatch, reward=tmp_path, cases=file)


def test_the_command_says_what_is_missing_in_one_sentence(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "model_steps.score_rewards", "--reward", str(tmp_path), "--cases", "none.jsonl"]
    run = subprocess.run(line, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert run.returncode == Exit.NO_INPUT
    assert "There is no file none.jsonl." in run.stderr
    assert "Traceback" not in run.stderr


# --- a day


def catalog_only(lake: Lake) -> Lake:
    """The small shop's categories with their vectors."""
    known = [
        {
            "entity_id": name,
            "text": name,
            "kind": "category",
            "category": name,
            "category_path": f"{above} > {name}",
        }
        for name, (above, _) in SHOP.items()
    ]
    writing.insert_new(lake, entities.TABLE, pa.Table.from_pylist(known, entities.TABLE.schema))
    vectors = [
        {"entity_id": name, "embedder": Embedder().name, "vector": vector.tolist()}
        for name, vector in zip(NAMES, catalog().vectors, strict=True)
    ]
    writing.insert_new(lake, entity_vectors.TABLE, pa.Table.from_pylist(vectors, entity_vectors.TABLE.schema))
    return lake


def before(row: dict[str, Any]) -> dict[str, Any]:
    """A context as of the day."""
    evidence = [{**one, "last_day": "2017-08-22"} for one in row["evidence"]]
    return {**row, "day": DAY, "last_day": DAY, "evidence": evidence}


def shop(lake: Lake) -> None:
    """A day of two customers with an intent each."""
    names = ("white milk", "yogurt", "shrimp")
    catalog_only(lake)
    rows = {
        contexts.TABLE: [before(context_row(user, names)) for user in ("ann", "bob")],
        signals.TABLE: [{"day": DAY, "week": "2017-08-21", "kind": "season", "text": "summer", "weight": 1.0}],
        intents.TABLE: [
            {
                "day": DAY, "user_id": user, "rank": 1, "tag": tag, "category": tag, "category_similarity": 1.0,
                "persona": "shop", "why": f"{tag} is bought weekly", "expert": 1, "chosen_by": "probability",
                "release": "experts-1",
            }
            for user, tag in (("bob", "shrimp"), ("ann", "yogurt"))
        ],
    }  # fmt: skip
    pins = []
    for table, content in rows.items():
        put(lake, table, {DAY: pa.Table.from_pylist(content, table.schema)})
        delta = tables.open_table(lake, table)
        files = tables.live_files(delta, table, {"day": DAY})
        assert delta is not None
        pins.append({"table": table.name, "version": delta.version(), "digest": tables.content_digest(files)})
    row = {
        "day": DAY, "fingerprint": "test", "release": "experts-1", "empty": False, "history": None, "versions": pins,
        "figures": [],
    }  # fmt: skip
    put(lake, days.TABLE, {DAY: pa.Table.from_pylist([row], days.TABLE.schema)})


def test_a_days_intents_are_cases_of_what_was_known(lake: Lake) -> None:
    shop(lake)
    found = read_intents(lake, Embedder().name, DAY)
    assert [(case.customer.user_id, case.text, case.release) for case in found] == [
        ("ann", "yogurt", "experts-1"),
        ("bob", "shrimp", "experts-1"),
    ]
    ann = found[0].customer
    assert (ann.season, ann.attributes, ann.day) == ("season: summer", (("age", "35-44"),), DAY)
    assert [(one.category, one.label, one.days) for one in ann.evidence][:2] == [
        ("white milk", "white milk", 9), ("yogurt", "yogurt", 8)
    ]  # fmt: skip


def test_a_day_is_scored(lake: Lake, settings: Settings, reward: Path, tmp_path: Path, monkeypatch: Any) -> None:
    shop(lake)
    out = tmp_path / "scores.jsonl"
    manifest = command(settings, monkeypatch, reward=reward, day=DAY, lake=lake.root, out=out)
    assert (manifest["day"], manifest["cases"]) == (DAY, 2)
    assert [json.loads(line)["user_id"] for line in out.read_text().splitlines()] == ["ann", "bob"]


def test_a_day_that_is_not_published_is_told(lake: Lake) -> None:
    with pytest.raises(DataError, match="is not published"):
        read_intents(lake, Embedder().name, DAY)
