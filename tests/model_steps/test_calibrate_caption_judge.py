"""The exam end to end on a part of the committed set: by a stand-in for the model, and by SmolLM2 on vLLM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from lake.store.location import Lake
from model_steps.calibrate_caption_judge import calibrate
from model_steps.caption_judge.asking import Questions
from model_steps.caption_judge.combination import MODEL, RULE, WAYS
from model_steps.caption_judge.dimensions import DIMENSIONS
from model_steps.caption_judge.exam import AS_RULE, BEFORE, FREE, JUDGE, JUDGED, SETS, WRITTEN
from model_steps.caption_judge.labelled_files import DAYS_FILE, FOLDER, PAIRS_FILE, WRITTEN_FILE
from model_steps.caption_judge.material import BUILT, Material
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.caption_judge.splits import SPLITS
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.asking import Answer, Request
from model_steps.engine.chat import Chat
from model_steps.engine.vllm_engine import Engine
from settings import Settings
from tests.model_steps.caption_cases import answer, usual
from tests.model_steps.test_real_model import Counting

QUESTIONS = Questions(lambda system, user: f"{system}\n{user}", lambda text: [ord(sign) for sign in f"{text}$"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A part of the set, of every split some."""
    target = tmp_path_factory.mktemp("labelled")
    for name, most in ((WRITTEN_FILE, 48), (PAIRS_FILE, 8)):
        rows = [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]
        groups: dict[tuple[str, bool], list[str]] = {}
        for row in rows:
            groups.setdefault((row["split"], row.get("before_rules", False)), []).append(json.dumps(row))
        (target / name).write_text("".join(f"{line}\n" for found in groups.values() for line in found[:most]))
    (target / DAYS_FILE).write_text((FOLDER / DAYS_FILE).read_text())
    return target


@pytest.fixture(scope="module")
def material(folder: Path) -> Material:
    return Material.read(folder, 7)


@pytest.fixture
def shipping(settings: Settings, tmp_path: Path) -> Settings:
    own = settings.caption_judge.model_copy(update={"release": tmp_path / "judge", "minimum_kappa": -1.0})
    return settings.model_copy(update={"caption_judge": own})


class Knows:
    """Answers as the labels say in some dimensions, and by chance in the others."""

    def __init__(self, material: Material, *dimensions: str) -> None:
        self.said = {
            QUESTIONS.prompt(one.case, name): {"positive": 5.0, "neutral": 0.0, "negative": -5.0}[one.labels[name]]
            for name in dimensions
            for one in material.captions
            if name in one.labels
        }

    def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        return [answer(self.said.get(one.prompt, float(len(one.prompt) % 7))) for one in requests]


def test_a_model_that_knows_is_used_where_it_knows(material: Material, shipping: Settings) -> None:
    out = shipping.caption_judge.release
    manifest = calibrate(
        material, shipping, QUESTIONS, Knows(material, "attractiveness", "safety"), usual, out, resamples=60
    )
    assert manifest["ways"]["attractiveness"] == MODEL
    assert manifest["ways"]["timeliness"] == RULE
    assert set(manifest["ways"]) == set(DIMENSIONS)
    assert set(manifest["ways"].values()) <= set(WAYS)
    attractive = manifest[WRITTEN]["dimensions"]["attractiveness"]
    added = [
        manifest[origin]["dimensions"]["attractiveness"]["less"]["model-numbers"]["accuracy"]["value"]
        for origin in (BUILT, WRITTEN)
    ]
    assert max(added) > 0 <= min(added)
    assert attractive["less"]["judge-majority"]["accuracy"]["low"] > 0
    assert manifest["calibrated"]["attractiveness"] in (JUDGED, AS_RULE)
    for name in SETS:
        assert manifest[name]["captions"] > 0, name
    assert manifest["standing"] == "valid"
    ready = ReadyCaptionJudge.of(shipping)
    assert ready.record is not None
    assert ready.record.name == manifest["record"]
    assert ready.standing("2017-11-05").state == "valid"
    assert ready.standing("2018-11-05").state == "expired"
    stricter = shipping.caption_judge.model_copy(update={"minimum_kappa": 1.0})
    strict = ReadyCaptionJudge.of(shipping.model_copy(update={"caption_judge": stricter}))
    assert strict.standing("2017-11-05").state == "failing"


def test_a_model_that_says_nothing_is_not_asked(material: Material, shipping: Settings) -> None:
    manifest = calibrate(
        material, shipping, QUESTIONS, lambda requests: [answer(1.0)] * len(requests), usual,
        shipping.caption_judge.release, resamples=20,
    )  # fmt: skip
    assert MODEL not in manifest["ways"].values()
    assert all(one["less"]["model-numbers"]["accuracy"]["value"] == 0 for one in manifest[BUILT]["dimensions"].values())


def test_nothing_of_the_examined_split_is_learnt(material: Material, shipping: Settings) -> None:
    """The planted fault: with all labels of the split test turned round, the judge that is made is the same."""
    from dataclasses import replace

    turned = {"positive": "negative", "negative": "positive", "neutral": "neutral"}
    other = replace(
        material,
        captions=tuple(
            replace(one, labels={name: turned[label] for name, label in one.labels.items()})
            if one.split == "test"
            else one
            for one in material.captions
        ),
    )
    out = shipping.caption_judge.release
    ask = Knows(material, "clarity")
    first, second = (calibrate(each, shipping, QUESTIONS, ask, usual, out, resamples=20) for each in (material, other))
    assert first["judge"] == second["judge"]
    assert first["record"] != second["record"]
    accuracies = [one[BUILT]["dimensions"]["clarity"][JUDGE]["accuracy"]["value"] for one in (first, second)]
    assert accuracies[0] > 0.8 > 0.2 > accuracies[1]


def test_customers_of_the_exam_are_of_one_split_each(material: Material) -> None:
    names = {split: {one.case.reader.name for one in material.of(split)} for split in SPLITS}
    assert all(names.values())
    assert not names["train"] & names["test"]
    assert not (names["train"] | names["test"]) & names["calibration"]
    assert {FREE, BEFORE} < set(SETS)


def test_the_real_model_judges_and_is_asked_nothing_twice(
    lake: Lake, engine: Engine, material: Material, shipping: Settings
) -> None:
    """The last caption of eight comes in a chunk of its own; a second run asks nothing, and says the same."""
    knows = Knows(material, "safety", "attractiveness")
    calibrate(material, shipping, QUESTIONS, knows, usual, shipping.caption_judge.release, resamples=20)
    own = shipping.caption_judge.model_copy(update={"chunk_captions": 7})
    ready = ReadyCaptionJudge.of(shipping.model_copy(update={"caption_judge": own}))
    asked = len(ready.judged_by.asked)
    assert asked
    model = Counting(engine)
    cases = [one.case for one in material.captions[:8]]
    said = []
    for _ in range(2):
        cache = AnswerCache(lake, [case.reader.name for case in cases], "2017-11-01", "base", "engine", lambda: model)
        judge = ready.judge(material.lexicon, cache.ask, cache.begin_chunk, cache.end_chunk)
        said.append(judge.verdicts(cases))
    assert said[0] == said[1]
    assert model.calls == asked * len(cases)
    assert all(0 <= finding.confidence <= 1 for one in said[0] for finding in one.findings)
    chat = Chat(shipping.engine.model)
    assert model.prompts[0] == Questions(chat.render, chat.answer_tokens).prompt(cases[0], ready.judged_by.asked[0])
