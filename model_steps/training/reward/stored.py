"""A reward model's release: peft's adapter, the head, the judge's counting, and the record of how they were made.

Weights are safetensors and nothing else. The record names all by their digests, so that none is read beside another
one's, and the language model and the prompt that they were trained with. The folder is called after the record, so it
is immutable by content as other releases are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lake.registry.releases import NAME_DIGITS, file_digest
from model_steps.engine.adapters import FORM, WEIGHTS, Adapter, clean_form, read_adapter
from model_steps.engine.model_digest import model_digest
from model_steps.judge.counting import FILE, Counting
from model_steps.judge.reward import head as heads
from model_steps.judge.reward.prompt import prompt_digest
from model_steps.training.lora.adapted import adapted
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reward.model import RewardModel
from runtime import atomic
from runtime.errors import ConfigurationError, DataError, UsageError
from runtime.fingerprint import digest
from settings import JudgeSettings, LoraSettings, RewardSettings

NAME = "reward"
HEAD = "reward_head.safetensors"
RECORD = "reward.json"
# A release's files, by what the record calls their digests; all have the NEEDED ones.
PARTS = {WEIGHTS: "adapter", FORM: "form", HEAD: "head", FILE: "counting"}
NEEDED = frozenset({"adapter", "form", "head"})
# Of the judge's settings, what shapes the prompt.
READING = ("evidence_tokens", "outcome_days")
_AGAIN = "restore it, or train the reward model again"


@dataclass(frozen=True)
class StoredReward:
    """A reward model as its files say.

    Args:
        adapter: of the language model. head: content of the head's file. record: how they were made.
        counting: of the judge that it was trained from; none: its prompt tells no chances.
    """

    adapter: Adapter
    head: bytes
    record: Mapping[str, Any]
    counting: Counting | None = None

    @property
    def reading(self) -> JudgeSettings:
        """How it learnt to read: tokens of evidence, and the days within which an output is to be bought.

        Raises:
            DataError: the record does not say so.
        """
        found = dict(self.record.get("reading") or {})
        try:
            return JudgeSettings(**{name: found[name] for name in READING})
        except (KeyError, ValueError):
            raise DataError(f"{RECORD} does not say how many tokens of evidence were read: {_AGAIN}.") from None


def begin(
    model: Path, dtype: str, settings: RewardSettings, judge: Adapter | None, labels: tuple[int, int] | None
) -> RewardModel:
    """A reward model as training starts with it: the judge's adapter, where there is one, and a head.

    Args:
        model: folder of the language model. dtype: number type of its weights.
        settings: rank and layers of the adapter, where no judge's says so, the seed and the head's start.
        judge: adapter of the tuned judge.
        labels: tokens of ``head.label_tokens``, for the start that reads them.

    Raises:
        DataError: the adapter is not one of our trainings'. UsageError: there are no labels to start from.
    """
    tuned = _tuned(model, dtype, settings, judge)
    rows = tuned.peft.get_base_model().get_output_embeddings().weight
    if settings.start == "zero":
        return RewardModel(tuned, heads.zero(rows.shape[1]), settings.together)
    if labels is None:
        raise UsageError("A head that starts from labels wants their tokens: give them, or start from zero.")
    return RewardModel(tuned, heads.from_labels(rows, *labels, settings.odds), settings.together)


def restored(stored: StoredReward, model: Path, dtype: str, settings: RewardSettings) -> RewardModel:
    """A reward model that scores as it did when it was saved.

    Args:
        stored: its files. model: folder of the language model. dtype: number type of its weights.
        settings: how many candidates are scored together.

    Raises:
        DataError: a file is not what it should be.
    """
    tuned = _tuned(model, dtype, settings, stored.adapter)
    width = tuned.peft.get_base_model().get_output_embeddings().weight.shape[1]
    return RewardModel(tuned, heads.read(stored.head, width, HEAD), settings.together)


def save(
    reward: RewardModel, folder: Path, record: Mapping[str, Any], counting: Counting | None = None
) -> tuple[Path, dict[str, Any]]:
    """Write a reward model's release whole or not at all; returns its folder, and the record with the files' digests.

    Args:
        folder: that the release's is made in. record: how it was made.
        counting: the judge's, where the prompt tells what it expects.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=f".{NAME}-") as name:
        draft = Path(name) / NAME
        reward.tuned.peft.save_pretrained(draft, safe_serialization=True)
        files = {
            WEIGHTS: (draft / WEIGHTS).read_bytes(),
            FORM: clean_form((draft / FORM).read_bytes(), str(draft / FORM)),
            HEAD: heads.saved(reward.head),
            **({} if counting is None else {FILE: counting.content()}),
        }
        said = {**record, **{part: file_digest(files[name]) for name, part in PARTS.items() if name in files}}
        said = json.loads(json.dumps(said))
        place = folder / name_of(said)
        for file, content in files.items():
            atomic.write(place / file, content)
        # The record last: a folder that has it is whole.
        atomic.write(place / RECORD, json.dumps(said, indent=1, sort_keys=True) + "\n")
    return place, said


def name_of(record: Mapping[str, Any]) -> str:
    """What a release is called after its record."""
    return f"{NAME}-{digest(dict(record))[:NAME_DIGITS]}"


def read(folder: Path, model: Path) -> StoredReward:
    """A reward model's files, for a language model and for the prompt of this code.

    Args:
        folder: of the reward model. model: folder of the language model.

    Raises:
        UsageError: the folder holds none. DataError: a file is not the record's, the record not the folder's, or one is
            damaged.
        ConfigurationError: it was trained on another language model, or to read another prompt.
    """
    folder = folder.resolve()
    try:
        record = dict(json.loads((folder / RECORD).read_bytes()))
        content = {name: (folder / name).read_bytes() for name, part in PARTS.items() if record.get(part) is not None}
    except OSError as error:
        raise UsageError(f"{folder} holds no reward model: {error}.") from None
    except (ValueError, TypeError) as error:
        raise DataError(f"{folder / RECORD} is no record of a reward model ({error}): {_AGAIN}.") from None
    if folder.name != name_of(record):
        raise DataError(
            f"{folder} is not called as its record is ({name_of(record)}): the record was changed, or the folder "
            f"renamed; {_AGAIN}."
        )
    for name, part in PARTS.items():
        if part in NEEDED and name not in content:
            raise DataError(f"The record {folder / RECORD} names no {part}: {_AGAIN}.")
        if name in content and record[part] != file_digest(content[name]):
            raise DataError(f"{folder / name} is not the file of its record {RECORD}: {_AGAIN}.")
    if record.get("model") != model_digest(model):
        raise ConfigurationError(
            f"The reward model in {folder} was trained on another language model than {model}: set "
            "INTENTFLOW_ENGINE__MODEL to that one's folder."
        )
    if record.get("prompt") != prompt_digest():
        raise ConfigurationError(
            f"The reward model in {folder} learnt to read another prompt than this version's: use the version that it "
            "was trained with, or train it again."
        )
    adapter = read_adapter(NAME, content[WEIGHTS], content[FORM], model, str(folder / WEIGHTS))
    counting = Counting.read(content[FILE], str(folder / FILE)) if FILE in content else None
    return StoredReward(adapter, content[HEAD], record, counting)


def _tuned(model: Path, dtype: str, settings: LoraSettings, adapter: Adapter | None) -> TunedModel:
    return TunedModel(model, dtype, settings) if adapter is None else adapted(model, dtype, adapter, settings)
