"""The scalar head, and a reward model's files: what is read back, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from lake.registry.releases import file_digest
from model_steps.engine.adapters import FORM, WEIGHTS
from model_steps.judge.reward import head
from model_steps.judge.reward.head import ScalarHead
from model_steps.training.reward import stored
from runtime.errors import ConfigurationError, DataError, UsageError
from tests.model_steps.tiny_reward import COUNTING, SMALL, fresh, write_model

WIDTH = 32
SCORES = "scores.safetensors"
PROMPT, CANDIDATES = (3, 4, 5), ((10, 1), (11, 1), (12, 13, 1))


def options_of(**tokens: list[int]) -> Any:
    return SimpleNamespace(tokenizes=lambda text: tokens[text])


def test_it_starts_as_the_judge_says_positive_rather_than_negative() -> None:
    rows = torch.tensor([[1.0, 2.0], [0.0, 5.0], [4.0, 1.0]], dtype=torch.bfloat16)
    found = head.from_labels(rows, positive=2, negative=1)
    assert found.weight.tolist() == [4.0, -4.0]
    assert found.bias.tolist() == [0.0]
    assert found.weight.dtype == torch.float32
    states = torch.tensor([[1.0, 2.0], [0.5, 0.0]])
    logits = states @ rows.float().T
    assert torch.allclose(found(states).sigmoid(), logits[:, [1, 2]].softmax(-1)[:, 1])
    assert head.zero(2)(states).sigmoid().tolist() == [0.5, 0.5]


def test_the_labels_tokens_are_those_that_tell_them_apart() -> None:
    assert head.label_tokens(options_of(negative=[7, 2], neutral=[8, 2], positive=[9, 2])) == (9, 7)
    with pytest.raises(DataError, match="with one token: set INTENTFLOW_REWARD__START=zero"):
        head.label_tokens(options_of(negative=[7, 2], neutral=[8, 2], positive=[7, 3]))


def test_a_head_is_read_as_it_was_saved() -> None:
    one = ScalarHead(torch.arange(4.0), bias=0.25)
    again = head.read(head.saved(one), 4, "here")
    assert torch.equal(again.weight, one.weight)
    assert torch.equal(again.bias, one.bias)
    assert head.saved(again) == head.saved(one)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no reward head"),
        (b"\x80\x04pickled", "is no reward head"),
        (head.saved(ScalarHead(torch.zeros(4)))[:-6], "is no reward head"),
        (save({"weight": torch.zeros(4)}), "it holds weight, not weight, bias and odds"),
        (
            save({"weight": torch.zeros(4), "odds": torch.zeros(1), "bias": torch.zeros(1), "more": torch.zeros(1)}),
            "it holds bias, more, odds",
        ),
        (save({"weight": torch.zeros(4).half(), "odds": torch.zeros(1), "bias": torch.zeros(1)}), "not of float32"),
        (
            save({"weight": torch.zeros(2, 2), "odds": torch.zeros(1), "bias": torch.zeros(1)}),
            "not a row and two numbers",
        ),
        (
            save({"weight": torch.zeros(4), "odds": torch.zeros(1), "bias": torch.zeros(())}),
            "not a row and two numbers",
        ),
        (
            save({"weight": torch.zeros(3), "odds": torch.zeros(1), "bias": torch.zeros(1)}),
            "states of 3 numbers, and those of the .* have 4",
        ),
        (
            save({"weight": torch.tensor([0, 1, 2, torch.nan]), "odds": torch.zeros(1), "bias": torch.zeros(1)}),
            "not finite",
        ),
    ],
)
def test_a_damaged_or_foreign_head_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        head.read(content, 4, "here")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny"), WIDTH)


@pytest.fixture(scope="module")
def kept(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a reward model whose adapter says something."""
    reward = fresh(model)
    with torch.no_grad():
        for each in reward.master.values():
            each.add_(torch.randn(each.shape, generator=torch.Generator().manual_seed(1)) * 0.3)
    reward.take_over()
    record = {
        "model": stored.model_digest(model),
        "prompt": stored.prompt_digest(),
        "reading": {"evidence_tokens": 123, "outcome_days": 60},
    }
    folder, said = stored.save(reward, tmp_path_factory.mktemp("kept"), record, COUNTING)
    assert stored.save(reward, folder.parent, record, COUNTING) == (folder, said)
    save_file({"scores": torch.tensor(reward.score(PROMPT, CANDIDATES).scores)}, folder.parent / SCORES)
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(kept, tmp_path / kept.name))


def test_a_reward_model_scores_as_it_did_when_it_was_saved(kept: Path, folder: Path, model: Path) -> None:
    files = stored.read(folder, model)
    assert files.reading.evidence_tokens == 123
    assert files.counting is not None
    assert files.counting.content() == COUNTING.content()
    found = stored.restored(files, model, "float32", SMALL)
    said = load_file(kept.parent / SCORES)["scores"].tolist()
    assert found.score(PROMPT, CANDIDATES).scores == pytest.approx(said, abs=1e-6)
    assert fresh(model).score(PROMPT, CANDIDATES).scores != pytest.approx(said, abs=1e-2)


def test_its_files_name_no_machine_and_are_safetensors_and_json_alone(folder: Path, model: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {WEIGHTS, FORM, stored.HEAD, stored.FILE, stored.RECORD}
    assert str(model) not in (folder / FORM).read_text()


def test_it_is_called_by_its_content(folder: Path, model: Path, tmp_path: Path) -> None:
    assert folder.name == stored.name_of(json.loads((folder / stored.RECORD).read_text()))
    other = Path(shutil.copytree(folder, tmp_path / "reward"))
    with pytest.raises(DataError, match="is not called as its record is"):
        stored.read(other, model)
    change(stored.RECORD, said_of(users=1))(folder)
    with pytest.raises(DataError, match="is not called as its record is"):
        stored.read(folder, model)


def test_any_changed_byte_is_refused(folder: Path, model: Path) -> None:
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            # The record's last byte is a line's end, which says nothing.
            if path.name != stored.RECORD or place < len(whole) - 1:
                path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
                with pytest.raises(DataError):
                    stored.read(folder, model)
        path.write_bytes(whole)
    assert stored.read(folder, model)


def change(name: str, edit: Callable[[bytes], bytes], part: str | None = None) -> Callable[[Path], None]:
    """Edit a file, and its digest in the record where a part is named."""

    def edited(folder: Path) -> None:
        content = edit((folder / name).read_bytes())
        (folder / name).write_bytes(content)
        if part is not None:
            record = json.loads((folder / stored.RECORD).read_text())
            (folder / stored.RECORD).write_text(json.dumps({**record, part: file_digest(content)}))

    return edited


def renamed(folder: Path) -> Path:
    """A folder that is called as its changed record is, for whoever changes one can do that too."""
    try:
        record = dict(json.loads((folder / stored.RECORD).read_text()))
    except (OSError, ValueError, TypeError):
        return folder
    return folder.rename(folder.with_name(stored.name_of(record)))


def said_of(**changed: Any) -> Callable[[bytes], bytes]:
    """An edit of a JSON file."""
    return lambda content: json.dumps({**json.loads(content), **changed}).encode()


@pytest.mark.parametrize(
    ("damage", "error", "said"),
    [
        (lambda folder: shutil.rmtree(folder), UsageError, "holds no reward model"),
        (lambda folder: (folder / stored.HEAD).unlink(), UsageError, "holds no reward model"),
        (change(stored.RECORD, lambda _: b"{"), DataError, "is no record of a reward model"),
        (change(stored.RECORD, lambda _: b"[1]"), DataError, "is no record of a reward model"),
        (change(stored.HEAD, lambda content: content[:-1]), DataError, "reward_head.safetensors is not the file"),
        (change(stored.HEAD, lambda content: content[:-4], "head"), DataError, "is no reward head"),
        (change(WEIGHTS, lambda content: content[:-1] + b"\x01"), DataError, "adapter_model.safetensors is not the"),
        (change(WEIGHTS, lambda content: content[:50], "adapter"), DataError, "is no safetensors file"),
        (change(FORM, said_of(use_dora=True), "form"), DataError, "is no plain LoRA adapter"),
        (change(FORM, said_of(lora_alpha=1), "form"), DataError, "another scale"),
        (change(FORM, said_of(layers_to_transform=[1]), "form"), DataError, "other modules or layers"),
        (change(stored.RECORD, said_of(model="other")), ConfigurationError, "on another language model"),
        (change(stored.RECORD, said_of(reading={})), DataError, "does not say how many tokens of evidence"),
        (change(stored.RECORD, said_of(prompt="other")), ConfigurationError, "learnt to read another prompt"),
        (change(stored.RECORD, said_of(head=None)), DataError, "names no head"),
        (change(stored.FILE, lambda content: content + b" "), DataError, "counting.json is not the file"),
        (change(stored.FILE, lambda _: b"{", "counting"), DataError, "is no JSON"),
        (lambda folder: (folder / stored.FILE).unlink(), UsageError, "holds no reward model"),
    ],
)
def test_a_damaged_or_foreign_reward_model_is_refused(
    folder: Path, model: Path, damage: Callable[[Path], None], error: type[Exception], said: str
) -> None:
    damage(folder)

    def used() -> None:
        found = stored.read(renamed(folder), model)
        assert found.reading
        stored.restored(found, model, "float32", SMALL)

    with pytest.raises(error, match=said):
        used()


def test_a_reward_model_of_a_wider_language_model_is_refused(folder: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other", 2 * WIDTH)
    change(stored.RECORD, said_of(model=stored.model_digest(other)))(folder)
    with pytest.raises(DataError, match="by its rank 4 and the language model it should be"):
        stored.read(renamed(folder), other)


def test_a_start_from_labels_wants_them(model: Path) -> None:
    with pytest.raises(UsageError, match="wants their tokens"):
        stored.begin(model, "float32", SMALL, None, None)
    begun = stored.begin(model, "float32", SMALL.model_copy(update={"start": "zero"}), None, None)
    assert begun.score(PROMPT, CANDIDATES).scores == (0.5, 0.5, 0.5)
