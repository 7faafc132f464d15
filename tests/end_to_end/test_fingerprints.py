"""A fingerprint is of the code that really runs: seen on real runs of every step, and on changed copies of the code.

A step is found by the contract that it uses (``lake.delta.work.Step``), so one that somebody adds is run and looked at
without a word here, unless it takes other arguments than ``--day``.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lake.delta import writing
from lake.store.location import Lake
from model_steps import weights
from runtime import imports
from schemas import judge_labels
from settings import ROOT, load_settings
from tests.evaluation.label_rows import arrow, built, item

FIRST, DAY = "2017-10-30", "2017-11-01"
# What users bought next is learnt of the day before, which the shop's evaluation file below leaves for that.
LEARNT = ("--day", "2017-10-31")
ARGUMENTS = {"evaluation.freeze": (), "spark_jobs.examples": LEARNT, "model_steps.build_judge_labels": LEARNT}
EVALUATION = f"""
days = [{DAY}]
history_days = 1
outcome_days = 1
minimum_events = 1
minimum_active_days = 1
"""
ROOMS = ("evaluation", "lake", "model_steps", "representation", "runtime", "schemas", "spark_jobs")


def steps() -> Iterator[str]:
    """The modules that say to be a step."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Step("):
                    yield imports.module_of(file)
                    break


STEPS = list(steps())


@dataclass
class Shop:
    """A refreshed day of a small shop, whose steps' imports were noted."""

    commands: Any
    imported: Path

    def copied(self, place: Path) -> None:
        """Run the commands from a copy of the code."""
        shutil.copytree(
            ROOT, place, ignore=shutil.ignore_patterns(".*", "var", "tests", "docs", "bench", "__pycache__")
        )
        self.commands.code, self.commands.record = place, None


def somebodys_labels(lake: Lake, folder: Path) -> Path:
    """A file of one label, of an output that the lake offers."""
    writing.insert_new(lake, judge_labels.TABLE, arrow([built("milk", "relevance", "positive")]))
    file = folder / "labels.csv"
    file.write_text(f"item_id,dimension,label,annotator\n{item('milk')},relevance,negative,ann\n")
    return file


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, make_commands: Callable[[Path], Callable[..., Any]]) -> Shop:
    folder = tmp_path_factory.mktemp("fingerprints")
    log = folder / "shop"
    generate = [sys.executable, "examples/second_shop/generate.py", str(log), "--days", "3", "--users", "40"]
    subprocess.run(generate, cwd=ROOT, check=True)
    (folder / "evaluation.toml").write_text(EVALUATION)
    model = load_settings().engine.model
    if not weights.is_complete(model):
        weights.convert(weights.find_gguf(), model)
    commands = make_commands(folder)(
        "refreshed",
        SOURCE__NAME=str(log / "csv.toml"),
        SOURCE__EVALUATION=str(folder / "evaluation.toml"),
        ENGINE__MODEL=str(model),
        # Pseudonyms decide who is drawn, and in three days one customer in fifteen only searches: no evidence.
        INFERENCE__USERS="3",
        INFERENCE__MINIMUM_EVENTS="2",
        INFERENCE__MINIMUM_ACTIVE_DAYS="1",
        INFERENCE__PERSONAS="2",
        INFERENCE__TAGS_PER_EXPERT="3",
        INFERENCE__TAGS="2",
        JUDGE_LABELS__OUTCOME_DAYS="1",
        # Workers, too, are looked at.
        SPARK__IN_PROCESS_ROWS="0",
    )
    commands.record = folder / "imported"
    commands.record.mkdir()
    commands.refresh(FIRST, DAY)
    arguments = {**ARGUMENTS, "model_steps.import_labels": ("--file", str(somebodys_labels(commands.lake, folder)))}
    for step in STEPS:
        if not (commands.record / step).exists():
            commands.run(step, *arguments.get(step, ("--day", DAY)))
    del commands.settings["SPARK__IN_PROCESS_ROWS"]
    return Shop(commands, commands.record)


@pytest.mark.parametrize("step", STEPS)
def test_what_a_step_loads_is_in_its_digest_or_left_out(shop: Shop, step: str) -> None:
    asked_for = set((shop.imported / step).read_text().split())
    loaded = {module for module in asked_for if imports.path_of(module)}
    assert step in loaded
    counted = imports.closure(step).keys()
    missing = {module for module in loaded if module not in counted and not imports.left_out(module)}
    assert not missing


def test_workers_were_seen(shop: Shop) -> None:
    """Driver and workers write into one file: what only a worker calls is noted as often as there are processes."""
    lines = (shop.imported / "spark_jobs.land").read_text().split()
    assert lines.count("spark_jobs.landing.row_validation") > 1


def planted(place: Path, module: str) -> None:
    """Change what a module does, harmlessly."""
    file = imports.path_of(module, place)
    assert file is not None
    file.write_text(file.read_text() + "\nCHANGED = True\n")


@pytest.fixture
def copy(shop: Shop, tmp_path: Path) -> Iterator[Path]:
    """A copy of the code, which the shop's commands run from as long as the test lasts."""
    shop.copied(tmp_path / "code")
    yield tmp_path / "code"
    shop.commands.code = ROOT


def test_an_unchanged_copy_finds_everything_done(shop: Shop, copy: Path) -> None:
    """And so does one whose comments, docstrings and errors' words are others."""
    for file in copy.glob("*/**/*.py"):
        text = file.read_text()
        file.write_text(f"# Reworded.\n{text}".replace("is no day; write it as", "is not a day: write it as"))
    run = shop.commands.run
    assert run("spark_jobs.land", "--from", FIRST, "--to", DAY)["days"] == 0
    assert run("spark_jobs.roll_up", "--day", DAY)["days"] == 0
    assert run("spark_jobs.signals", "--day", DAY)["reused"]
    assert run("spark_jobs.compress", "--day", DAY)["reused"]
    assert run("model_steps.embed", "--day", DAY)["reused"]
    assert run("model_steps.infer", "--day", DAY)["reused"]


@pytest.mark.parametrize(
    ("module", "step", "made"),
    [
        ("schemas.behaviors", "spark_jobs.roll_up", "days"),
        ("spark_jobs.landing.sources.files", "spark_jobs.land", "days"),
        ("model_steps.engine.chat", "model_steps.infer", "users_in"),
        ("model_steps.embedding.embedder", "model_steps.infer", "users_in"),
        ("model_steps.embedding.embedder", "model_steps.embed", "entities_out"),
        ("lake.publish_day", "lake.publish_day", "empty"),
    ],
)
def test_a_change_in_what_a_step_imports_makes_it_run_again(
    shop: Shop, copy: Path, module: str, step: str, made: str
) -> None:
    named = {"spark_jobs.land": ("--from", DAY, "--to", DAY)}.get(step, ("--day", DAY))
    if step == "lake.publish_day":
        named += ("--release", shop.commands.run("lake.champion")["release"])
    before = shop.commands.run(step, *named)
    assert before.get("reused", before.get("days") == 0)
    planted(copy, module)
    manifest = shop.commands.run(step, *named)
    assert not manifest.get("reused")
    assert made == "empty" or manifest[made] > 0


def due(shop: Shop) -> str:
    """What ``python -m lake days --due`` says."""
    command = [sys.executable, "-m", "lake", "days", "--due"]
    environment = shop.commands.environment
    return subprocess.run(
        command, cwd=shop.commands.code, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_code_alone_makes_no_earlier_day_again_unless_asked(shop: Shop, copy: Path) -> None:
    """A scheduled day lands itself; the days that rest on older code are listed, and one backfill's flag makes them."""
    planted(copy, "spark_jobs.landing.row_validation")
    run = shop.commands.run
    daily = ("--from", DAY, "--to", DAY, "--with-earlier-days")
    assert run("spark_jobs.land", *daily)["days"] == 1
    assert "land: spark_jobs/landing/row_validation.py changed" in due(shop)
    again = run("spark_jobs.land", *daily, "--older-code")
    assert again["days"] == 3
    shop.commands.publish(again["batches"])
    assert run("spark_jobs.land", *daily, "--older-code")["days"] == 0
    assert "row_validation.py" not in due(shop)
