"""A fingerprint names the work: the same for the same, another when anything that matters changed."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType

import pytest

import lake as lake_package
from lake.delta.tables import LiveFile, content_digest
from runtime import fingerprint as module
from runtime.fingerprint import LENGTH, code_digest, digest, fingerprint


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    one = {"day": "2017-11-01", "parameters": {"a": 1, "b": [1, 2]}}
    other = {"parameters": {"b": [1, 2], "a": 1}, "day": "2017-11-01"}
    assert digest(one) == digest(other)
    assert len(digest(one)) == LENGTH
    assert digest({"b": [2, 1]}) != digest({"b": [1, 2]})


@pytest.mark.parametrize(
    "change",
    [
        {"step": "compress"},
        {"inputs": {"behaviors": "other", "items": "d2"}},
        {"parameters": {"days": 91}},
        {"code": "other"},
    ],
)
def test_a_fingerprint_moves_with_each_of_its_parts(change: dict[str, object]) -> None:
    work: dict[str, object] = {
        "step": "roll_up",
        "inputs": {"behaviors": "d1", "items": "d2"},
        "parameters": {"days": 90},
        "code": "c",
    }
    same = {**work, "inputs": {"items": "d2", "behaviors": "d1"}}
    assert fingerprint(**same) == fingerprint(**work)  # type: ignore[arg-type]
    assert fingerprint(**{**work, **change}) != fingerprint(**work)  # type: ignore[arg-type]


def test_the_content_of_several_files_has_no_order() -> None:
    files = [LiveFile(f"day=2017-11-01/work-{n:05d}-content{n}.parquet", 1, {}) for n in range(5)]
    shuffled = random.Random(0).sample(files, len(files))
    assert content_digest(shuffled) == content_digest(files)
    assert content_digest(files[1:]) != content_digest(files)
    renamed = [LiveFile(file.path.replace("work", "else"), 1, {}) for file in files]
    assert content_digest(renamed) == content_digest(files)
    assert content_digest([]) is None


def test_code_is_digested_by_content(tmp_path: Path) -> None:
    def write(folder: str, **files: str) -> Path:
        for name, text in files.items():
            path = tmp_path / folder / name.replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return tmp_path / folder

    one = write("one", step_py="x = 1", prompt_md="Be kind.")
    assert code_digest(write("same", step_py="x = 1", prompt_md="Be kind.")) == code_digest(one)
    assert code_digest(write("code", step_py="x = 2", prompt_md="Be kind.")) != code_digest(one)
    assert code_digest(write("prompt", step_py="x = 1", prompt_md="Be terse.")) != code_digest(one)
    assert code_digest(write("noise", step_py="x = 1", prompt_md="Be kind.", notes_txt="?")) == code_digest(one)


def test_modules_and_packages_are_digested_by_their_files() -> None:
    assert isinstance(module, ModuleType)
    assert code_digest(module) == code_digest(Path(str(module.__file__)))
    assert code_digest(lake_package) == code_digest(Path(str(lake_package.__file__)).parent)
    assert code_digest(module, lake_package) != code_digest(lake_package, module)
