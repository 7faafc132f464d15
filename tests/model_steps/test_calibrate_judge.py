"""The exam as a command, on a small shop's lake with a stand-in for the engine: record, standing, resume, refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.leaks import rollups_digest
from lake.delta import tables
from lake.registry import judge_records
from lake.registry.judge_records import FULL, SMALL, install_records
from lake.store.location import Lake
from model_steps.build_judge_labels import build
from model_steps.calibrate_judge import Wanted, calibrate_judge
from model_steps.engine.adapters import Adapter
from model_steps.engine.asking import Answer, Request
from model_steps.judge import decides as deciding
from model_steps.judge import prompt_files
from model_steps.judge.decides import decides
from model_steps.judge.exam import plots
from model_steps.judge.exam.examiners import AGENT, MODELS, ONE_SHOT
from model_steps.judge.judge_release import Judge
from model_steps.judge.judge_standing import standing_of
from runtime.errors import DataError, InfrastructureError, UsageError
from schemas.judge_labels import TABLE
from settings import ExamSizes, JudgeExamSettings, JudgeSettings, Settings, load_settings
from tests.model_steps.judged_shop import ranked, sure
from tests.model_steps.test_judge_building import (
    EVALUATION,
    HELD_OUT,
    LOG_ENDS,
    RULE,
    TRAINING,
    WINDOW,
    building,
    chosen,
    intent,
    put_intents,
    shop,
)

__all__ = ["chosen", "shop"]

JUDGE = Judge("judge-0123456789ab", {"judge": Adapter("judge", "0123", 1, ("q_proj",), b"", b"")})
# The lake that tests copy.
MADE: list[Path] = []
SIZES = ExamSizes(built_users=3, real_users=3, canaries=40, good_outputs=4, reasked=6)


class Model:
    """Stands in for the engine: all is positive, or S; breaks after some chunks when told to."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.starts, self.seconds, self.chunks_left = 0, 0.0, -1

    def __call__(self, slots: Any) -> Model:
        assert slots is None
        self.starts += 1
        return self

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        if self.chunks_left == 0:
            raise InfrastructureError("The engine was killed.")
        self.chunks_left -= 1
        self.asked += requests
        return [ranked(self._shares(request)) for request in requests]

    def _shares(self, request: Request) -> Mapping[str, float]:
        return {"S": 0.8, "A": 0.1, "B": 0.1} if "one_shot" in request.role else sure("positive")

    def reset_prefix_cache(self) -> None:
        pass


@pytest.fixture
def exam_settings(chosen: Settings) -> Settings:
    base = load_settings()
    exam = JudgeExamSettings(full=SIZES, small=SIZES, chunk_users=2, resamples=100)
    return chosen.model_copy(update={"judge_exam": exam, "engine": base.engine})


@pytest.fixture
def labelled(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, chosen: Settings
) -> Lake:
    """``label_shop`` of a shop's lake, made once; each test has a copy."""
    if not MADE:
        shop = request.getfixturevalue("shop")
        label_shop(shop, chosen)
        MADE.append(shutil.copytree(shop.root, tmp_path_factory.mktemp("labelled") / "lake"))
    return Lake.open(shutil.copytree(MADE[0], tmp_path / "labelled"))


def label_shop(shop: Lake, chosen: Settings) -> None:
    """Labels of train and held-out users, and of what two releases wrote: own tags and others'."""
    build(building(shop, chosen), [TRAINING, EVALUATION])
    rows = [row for row in tables.read(shop, TABLE).to_pylist() if row["day"] == EVALUATION]
    kinds = [row for row in rows if row["origin"] in ("own", "shuffled", "shuffled_near")]
    sources = []
    for release, other in (("r1", False), ("r2", True)):
        given = []
        for user in HELD_OUT:
            own = sorted(
                (row for row in kinds if row["user_id"] == user), key=lambda row: row["item_id"], reverse=other
            )
            told = [{name: row[name] for name in ("persona", "why", "category")} for row in own]
            given += [
                {**intent(user, rank, row["text"], release), **facts}
                for rank, (row, facts) in enumerate(zip(own, told, strict=True), 1)
                if row["category"]
            ]
        sources.append(put_intents(Lake.open(f"{shop.root}-{release}"), given))
    build(building(shop, chosen, *sources, real_ranks=5), [EVALUATION])


Run = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def no_plots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than all else: only tests of plots draw."""
    if "plots" not in request.node.name:
        monkeypatch.setattr(plots, "drawn", lambda figures, judge: {"judges": b"<?xml"})


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def examine(labelled: Lake, exam_settings: Settings, model: Model) -> Run:
    known: dict[str, Any] = {"trained_until": RULE.trained_until, "registry": RULE.digest}
    known["population"] = {TRAINING: rollups_digest(labelled, TRAINING)}
    of_here = replace(JUDGE, record=known)

    def examine(preset: str = FULL, judged_by: Judge = of_here, judge: Any = None, **wanted: Any) -> dict[str, Any]:
        settings = exam_settings.model_copy(update={"judge": judge or exam_settings.judge})
        return calibrate_judge(labelled, judged_by, Wanted(preset, **wanted), RULE, settings, model)

    return examine


def test_an_exam_leaves_a_record_that_says_everything(
    examine: Run, labelled: Lake, model: Model, tmp_path: Path
) -> None:
    said = examine(out=tmp_path)
    (record,) = judge_records.records_of(labelled, JUDGE.name)
    assert (said["record"], said["judge"], said["preset"]) == (record.name, JUDGE.name, FULL)
    # The labels rest on the days after the evaluation day.
    assert said["day"] == record.day == min("2017-03-22", LOG_ENDS)
    assert WINDOW == 12
    assert set(record.data) >= {"labels", "cases", "canaries", "catalog", "split_rule", "exam"}
    for of in (said, said["real_outputs"]):
        for name in ("f1_superior", "accuracy", "kappa"):
            assert of[name].keys() == {*MODELS, "lookup_baseline"}
            assert set(of[name][AGENT]) == {"value", "low", "high"}
    # To the model all is good, so it agrees with nobody beyond chance; the agent has its rules beside it.
    assert said["real_outputs"]["kappa"][ONE_SHOT]["value"] == 0.0
    assert said["real_outputs"]["kappa"][AGENT]["value"] > 0
    low = said["real_outputs"]["kappa"][AGENT]["low"]
    assert said["standing"] == ("valid" if low > 0.4 else "failing")
    assert said["canaries"] == said["canaries_caught"] == 40
    assert said["real_outputs_by_release"].keys() == {"r1", "r2"}
    assert said["cost"][AGENT]["questions"] == 1
    assert said["cost"][AGENT]["measured"] == said["outputs"] + said["real_outputs"]["outputs"] + 6
    assert {request.role for request in model.asked} == {"judge", "untuned judge", "one_shot", "untuned one_shot"}
    assert not {request.user_id for request in model.asked} - set(HELD_OUT)
    json.dumps(said)
    for place in said["plots"].values():
        assert Path(place).read_bytes().startswith(b"<?xml")
    shipped = tmp_path / "calibration" / f"{record.name}.json"
    assert judge_records.parse(shipped.read_bytes(), str(shipped)) == record


def test_the_same_exam_again_asks_nothing_and_another_seed_is_another_exam(
    examine: Run, labelled: Lake, model: Model
) -> None:
    first = examine()
    asked = len(model.asked)
    again = examine()
    assert (again["reused"], again["record"], len(model.asked)) == (True, first["record"], asked)
    other = examine(seeds=(1, 2))
    assert not other["reused"]
    assert other["record"] != first["record"]
    assert other["canary_details"]["by_seed"].keys() == {"1", "2"}
    # The guard flags all canaries, and the answers about the outputs are there.
    assert (len(model.asked), model.starts) == (asked, 1)
    assert examine(force=True)["kappa"] == first["kappa"]


def test_a_killed_exam_goes_on_where_it_was(examine: Run, labelled: Lake, model: Model, tmp_path: Path) -> None:
    model.chunks_left = 3
    with pytest.raises(InfrastructureError, match="killed"):
        examine()
    assert judge_records.records_of(labelled, JUDGE.name) == []
    before = len(model.asked)
    model.chunks_left = -1
    examine()
    keys = [(request.role, request.prompt, request.user_id) for request in model.asked]
    assert before > 0
    assert not set(keys[:before]) & set(keys[before:])
    assert {role for role, *_ in keys[before:]} == {"judge", "untuned judge", "one_shot", "untuned one_shot"}


def test_the_small_preset_proves_nothing_about_the_judge(examine: Run, labelled: Lake) -> None:
    said = examine(SMALL)
    assert said["standing"] == "small"
    assert "proves nothing" in said["standing_reason"]


def test_a_lowered_bar_is_recorded(examine: Run) -> None:
    said = examine(judge=JudgeSettings(minimum_kappa=-0.5))
    assert (said["minimum_kappa"], said["minimum_kappa_lowered"], said["standing"]) == (-0.5, True, "valid")
    assert said["valid_until"] == "2017-04-21"
    assert examine()["minimum_kappa_lowered"] is False


def test_a_standing_is_read_with_the_code_and_settings_that_are_here(examine: Run, labelled: Lake) -> None:
    low = JudgeSettings(minimum_kappa=-0.5)
    said = examine(judge=low)
    stands = standing_of(labelled, JUDGE.name, low, "2017-04-01")
    assert (stands.state, stands.record) == ("valid", said["record"])
    assert standing_of(labelled, JUDGE.name, low, "2017-04-21").state == "expired"
    assert standing_of(labelled, JUDGE.name, JudgeSettings(minimum_kappa=1.0), "2017-04-01").state == "failing"
    other = JudgeSettings(minimum_kappa=-0.5, threshold=0.5)
    assert standing_of(labelled, JUDGE.name, other, "2017-04-01").state == "outdated"
    assert standing_of(labelled, "judge-other", low, "2017-04-01").state == "missing"


def test_shipped_records_are_installed_unless_a_byte_changed(examine: Run, labelled: Lake, tmp_path: Path) -> None:
    said = examine(out=tmp_path)
    fresh = Lake.open(f"{labelled.root}-fresh")
    assert install_records(fresh, tmp_path, JUDGE.name) == [said["record"]]
    assert install_records(fresh, tmp_path, JUDGE.name) == [said["record"]]
    assert judge_records.records_of(fresh, JUDGE.name) == judge_records.records_of(labelled, JUDGE.name)
    assert install_records(fresh, tmp_path / "nothing", JUDGE.name) == []
    with pytest.raises(DataError, match=f"a record of the judge {JUDGE.name}, and lies beside judge-other"):
        install_records(fresh, tmp_path, "judge-other")
    file = tmp_path / "calibration" / f"{said['record']}.json"
    file.write_text(file.read_text().replace('"minimum_kappa": 0.4', '"minimum_kappa": 0.1'))
    with pytest.raises(DataError, match="was changed since it was written"):
        install_records(Lake.open(f"{labelled.root}-other"), tmp_path, JUDGE.name)


def test_a_judge_that_may_know_whom_the_lake_holds_out_takes_no_full_exam(examine: Run, labelled: Lake) -> None:
    other = {"trained_until": RULE.trained_until, "registry": RULE.digest, "population": {TRAINING: "of another key"}}
    for record, said in (
        (other, "users who are others"),
        ({**other, "trained_until": "2018-01-01"}, "learnt until 2018-01-01"),
        ({}, "learnt until None"),
    ):
        with pytest.raises(UsageError, match=said):
            examine(judged_by=replace(JUDGE, record=record))
    assert not judge_records.records_of(labelled, JUDGE.name)
    assert examine(SMALL, judged_by=replace(JUDGE, record=other))["standing"] == "small"


def test_the_untuned_model_alone_is_no_judge(examine: Run) -> None:
    with pytest.raises(UsageError, match=r"is the language model as it is.*--judge"):
        examine(judged_by=Judge("base-1"))


def test_without_labels_or_real_outputs_it_says_so(
    shop: Lake, chosen: Settings, exam_settings: Settings, model: Model
) -> None:
    with pytest.raises(DataError, match="no labels of held-out users to examine a judge on"):
        calibrate_judge(shop, JUDGE, Wanted(SMALL), RULE, exam_settings, model)
    build(building(shop, chosen), [TRAINING, EVALUATION])
    with pytest.raises(DataError, match="no labels of outputs that a release really wrote"):
        calibrate_judge(shop, JUDGE, Wanted(SMALL), RULE, exam_settings, model)


def test_figures_draw_the_same_plots_always(examine: Run, labelled: Lake) -> None:
    examine()
    (record,) = judge_records.records_of(labelled, JUDGE.name)
    found = plots.drawn(record.figures, JUDGE.name)
    assert found.keys() == {"judges", "judges-real", "reliability", "confusion", "dimensions"}
    assert plots.drawn(record.figures, JUDGE.name) == found


# --- what decides


def test_what_decides_follows_prompts_threshold_and_judge_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = decides(JudgeSettings(), "judge-1")
    assert decides(JudgeSettings(threshold=0.5), "judge-1") != usual
    assert decides(JudgeSettings(), "judge-2") != usual
    others = JudgeSettings(sample_users=1, seed=3, time_limit_seconds=1.0, valid_days=1, minimum_kappa=0.1)
    assert decides(others, "judge-1") == usual
    for file in prompt_files.FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(prompt_files, "FOLDER", tmp_path)
    assert decides(JudgeSettings(), "judge-1") == usual
    (tmp_path / "reason.md").write_text("Why?")
    assert decides(JudgeSettings(), "judge-1") == usual
    (tmp_path / "relevance.md").write_text((tmp_path / "relevance.md").read_text() + " ")
    assert decides(JudgeSettings(), "judge-1") != usual


def test_only_code_that_judges_decides() -> None:
    files = {path for module in deciding.MODULES for path in deciding.code_of(module).files if path.endswith(".py")}
    assert {f"model_steps/judge/{name}.py" for name in ("reviewer", "evaluators", "rules", "guard", "shown")} <= files
    rooms = {path.split("/")[0] for path in files}
    assert rooms <= {"evaluation", "model_steps", "representation", "schemas"}
    beside = [path for path in files if "/exam/" in path or "/training/" in path or "/attacks/" in path]
    assert beside == []
    # A planner or an expert who asks otherwise is another writer, and the same judge.
    assert not {path for path in files if path.endswith(("/planner.py", "/hmas.py", "/arbiter.py"))}
    assert len(files) < 60
