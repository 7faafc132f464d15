"""The commands that train the explainer, on a small shop and a tiny model: what they leave, keep, and refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lake.registry.evaluation_file import read_rule
from lake.store.location import Lake
from model_steps.caption_judge.likelihood import RAREST
from model_steps.reinforce_captions import reinforce_captions
from model_steps.train_captions import train_captions
from model_steps.training.captions import reinforcing
from model_steps.training.captions.material import CaptionMaterial, Sizes
from model_steps.training.captions.reinforcing import CaptionRollouts, CaptionScoring
from model_steps.training.record import read_explainer
from model_steps.training.reinforcement import training
from model_steps.training.reinforcement.captions import MEMORY, CaptionMemory, diversity
from model_steps.training.reinforcement.policy import ListPolicy
from runtime.errors import CommandError, DataError, UsageError
from settings import CaptionReinforcementSettings, CaptionTuningSettings, LoraSettings, Settings, load_settings
from tests.model_steps.caption_training_shop import land
from tests.model_steps.foreign_models import build as build_model
from tests.model_steps.foreign_models import fill_with_random_weights
from tests.model_steps.reinforced_shop import DAY, example

TUNING = CaptionTuningSettings(
    pairs=12, validation_items=2, readers=2, batch=2, steps=6, validation_steps=3, checkpoint_steps=3,
    learning_rate=1e-2, rank=4, first_layer=0, dtype="float32",
)  # fmt: skip
REINFORCED = CaptionReinforcementSettings(dtype="float32", learning_rate=1e-2, checkpoint_steps=1).of_preset("tiny")


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With a tiny language model."""
    folder = build_model("qwen", tmp_path_factory.mktemp("qwen"))
    fill_with_random_weights(folder)
    base = load_settings()
    engine = base.engine.model_copy(update={"model": folder})
    # Random weights find English in nothing.
    judge = base.caption_judge.model_copy(update={"least_likelihood": RAREST})
    own = {"engine": engine, "caption_judge": judge, "caption_tuning": TUNING, "caption_reinforcement": REINFORCED}
    return base.model_copy(update=own)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return land(Lake.open(tmp_path_factory.mktemp("shop") / "lake"))


@pytest.fixture(scope="module")
def material(lake: Lake, chosen: Settings) -> CaptionMaterial:
    return CaptionMaterial.read(lake, read_rule(chosen.source), (DAY,), Sizes(12, 2, 2, 0), chosen)


@pytest.fixture(scope="module")
def tuned(lake: Lake, chosen: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "explainer"
    train_captions(lake, (DAY,), folder, chosen)
    return folder


def test_pairs_are_of_train_users_and_their_captions_are_those_that_are_served(
    material: CaptionMaterial, chosen: Settings
) -> None:
    rule = read_rule(chosen.source)
    assert len(material.learnt) == 12
    assert {rule.split_of(one.user_id) for one in material.learnt} == {"train"}
    readers = [one for of_item in material.validated.values() for one in of_item]
    assert {rule.split_of(one.user_id) for one in readers} == {"validation"}
    assert [len({one.item_id for one in of_item}) for of_item in material.validated.values()] == [1, 1]
    every = [*material.learnt, *readers]
    assert len({one.prompt for one in every}) == len(every)
    for one in every:
        assert set(one.alignment) == set(one.options.texts)
        assert 1 <= len(one.good) <= len(one.options.texts)
        assert material.spaces.of(one.prompt).options is one.options
    assert material.trained_until == "2017-08-24"


def test_sft_gives_good_captions_the_shares_of_bad_ones_and_is_done_once(
    lake: Lake, tuned: Path, chosen: Settings
) -> None:
    found = read_explainer(tuned)
    begun, ended = found.record["validation"]["0"], found.record["validation"]["6"]
    assert min(found.record["validation"][step]["cross_entropy"] for step in ("3", "6")) < begun["cross_entropy"]
    assert {"diversity", "distinct", "quality", "alignment", "entropy"} <= ended.keys()
    assert list(found.prompts) == ["explainer"]
    assert (found.record["users"], found.record["pairs"]) == (12, 12)
    again = train_captions(lake, (DAY,), tuned, chosen)
    assert again["reused"]
    assert again["adapter"] == found.record["adapter"]
    other = chosen.model_copy(update={"caption_tuning": TUNING.model_copy(update={"targets": 2})})
    with pytest.raises(DataError, match="is the state of another training"):
        train_captions(lake, (DAY,), tuned, other)


def test_grpo_goes_on_from_it_and_leaves_curves_and_the_memory(
    lake: Lake, tuned: Path, chosen: Settings, tmp_path: Path
) -> None:
    record = reinforce_captions(lake, tuned, (DAY,), tmp_path, chosen)
    found = read_explainer(tmp_path)
    assert found.record == {name: value for name, value in record.items() if name not in ("folder", "reused")}
    assert record["reinforced_from"]["adapter"] == read_explainer(tuned).record["adapter"]
    assert list(record["thresholds"]["end"]) == ["diversity"]
    rows = pq.read_table(tmp_path / "curves.parquet").to_pylist()
    assert [row["step"] for row in rows] == [0, 1, 2, 3]
    assert rows[1]["kl"] == pytest.approx(0, abs=1e-5)
    assert rows[1]["actions"] == 1
    assert {"drawn/alignment", "drawn/diversity", "drawn/feasible/diversity", "drawn/dead", "gradient_norm"} <= set(
        rows[1]
    )
    assert {"validation/diversity", "validation/quality", "validation/distinct"} <= set(rows[0])
    assert (record["kept_step"] == 0) == (record["adapter"] == record["reinforced_from"]["adapter"])
    kept = record["validation"][str(record["kept_step"])]
    assert kept["quality"] >= record["validation"]["0"]["quality"]
    assert kept["diversity"] >= record["validation"]["0"]["diversity"]
    memories = {path.stem for path in (tmp_path / "memories").glob("*.json")}
    assert memories == {"0", "1", "2", "3"}
    assert reinforce_captions(lake, tuned, (DAY,), tmp_path, chosen)["reused"]
    said = json.loads((tuned / "explainer.json").read_text()) | {"trained_until": "2017-12-01"}
    late = changed(tuned, tmp_path / "late", said)
    with pytest.raises(UsageError, match="learnt until 2017-12-01"):
        reinforce_captions(lake, late, (DAY,), tmp_path / "out", chosen)


def changed(folder: Path, to: Path, record: dict[str, Any]) -> Path:
    """A copy of a training with another record."""
    to.mkdir()
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (to / name).write_bytes((folder / name).read_bytes())
    (to / "explainer.json").write_text(json.dumps(record))
    return to


def test_a_killed_reinforcement_goes_on_with_the_memory_that_it_had(
    lake: Lake, tuned: Path, chosen: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reinforce_captions(lake, tuned, (DAY,), tmp_path / "whole", chosen, last=True)

    class Killed(Exception):
        pass

    rolled = CaptionRollouts.of

    def killing(self: CaptionRollouts, step: int) -> Any:
        if step == 2:
            raise Killed
        return rolled(self, step)

    monkeypatch.setattr(CaptionRollouts, "of", killing)
    with pytest.raises(Killed):
        reinforce_captions(lake, tuned, (DAY,), tmp_path / "killed", chosen, last=True)
    monkeypatch.setattr(CaptionRollouts, "of", rolled)
    again = reinforce_captions(lake, tuned, (DAY,), tmp_path / "killed", chosen, last=True)
    same = ("adapter", "validation", "thresholds", "steps")
    assert [again[name] for name in same] == [whole[name] for name in same]
    states = [(tmp_path / name / "memories" / "3.json").read_text() for name in ("whole", "killed")]
    assert states[0] == states[1]


def test_a_frozen_adapter_is_noticed(
    lake: Lake, tuned: Path, chosen: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = training.build

    def frozen(model: Any, *given: Any) -> Any:
        trainer = build(model, *given)
        model.peft.requires_grad_(False)
        return trainer

    monkeypatch.setattr(training, "build", frozen)
    with pytest.raises(CommandError, match="No parameter of the adapter is trainable"):
        reinforce_captions(lake, tuned, (DAY,), tmp_path, chosen)


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"split": "train"}, "is of the split holdout and says train"),
        ({"outcomes_until": "2017-11-30"}, "past|by time"),
    ],
)
def test_what_is_held_out_is_not_learnt_from(
    planted: dict[str, Any], said: str, chosen: Settings, tmp_path: Path
) -> None:
    rule = read_rule(load_settings().source)
    wanted = "holdout" if "split" in planted else "train"
    user = next(user for user in (f"other {number}" for number in range(60)) if rule.split_of(user) == wanted)
    lake = land(Lake.open(tmp_path / "lake"), [{**example(user, 0, rule), **planted}])
    with pytest.raises(DataError, match=said):
        train_captions(lake, (DAY,), tmp_path / "out", chosen)


def test_a_caption_is_as_probable_in_training_as_in_serving(material: CaptionMaterial, chosen: Settings) -> None:
    """The policy's log-probabilities are those of a tempered ranking, and sum to one over what may be said."""
    import torch

    from model_steps.training.captions.validation import shares_of
    from model_steps.training.lora.tuned_model import TunedModel

    model = TunedModel(chosen.engine.model, "float32", LoraSettings(rank=4, first_layer=0))
    some = list(material.learnt[:2])
    shares = shares_of(model, some, 0.8)
    policy = ListPolicy(model, material.spaces, 0.8)
    for one, known in zip(some, shares, strict=True):
        texts = one.options.texts
        with torch.no_grad():
            told = policy.told([one.prompt] * len(texts), [[text] for text in texts])
        assert told.log_probabilities.exp()[:, 0].tolist() == pytest.approx([known[text] for text in texts], abs=1e-4)
        assert sum(known.values()) == pytest.approx(1, abs=1e-4)


def test_a_steps_captions_are_scored_by_the_memory_of_before_and_enter_in_their_order(
    material: CaptionMaterial, tmp_path: Path
) -> None:
    one = material.learnt[0]
    first, second = one.options.texts[:2]
    scoring = CaptionScoring()
    assert scoring.parts(one, [[first]])[0]["diversity"] is None
    lists = [[[first]] * 2, [[second]] * 2]
    assert scoring.fill([one, one], lists, tmp_path) == 1
    filled = CaptionMemory()
    for _ in range(2):
        filled.add(first)
    assert scoring.memory.state() == filled.state()
    said = scoring.parts(one, [[second], [first]])
    assert [parts["diversity"] for parts in said] == [diversity(second, filled), diversity(first, filled)]
    assert [parts["alignment"] for parts in said] == [one.alignment[second], one.alignment[first]]
    # Scoring changes nothing, however often.
    assert scoring.parts(one, [[second], [first]]) == said
    keeps = reinforcing.KeepsMemory(scoring, tmp_path, every=2, last=3)
    scoring.waiting = [second, first]
    state: Any = type("State", (), {"global_step": 1})
    keeps.on_step_end(None, state, None)
    assert scoring.memory.state()[-2:] == [sorted(set(words)) for words in map(words_of, (second, first))]
    assert scoring.waiting == []
    assert not (tmp_path / "memories" / "1.json").exists()
    state.global_step = 2
    keeps.on_step_end(None, state, None)
    kept = scoring.memory.state()
    scoring.take_in([first] * MEMORY)
    keeps.on_train_begin(None, state, None)
    assert scoring.memory.state() == kept
    state.global_step = 9
    with pytest.raises(DataError, match="holds no memory of captions"):
        keeps.on_train_begin(None, state, None)


def words_of(caption: str) -> list[str]:
    from evaluation.captions import caption_words

    return caption_words(caption)
