"""A fingerprint names the work: the same for the same, another when anything that matters changed."""

from __future__ import annotations

import random
from importlib.metadata import version

import pytest

from lake.delta.live import LiveFile
from lake.delta.tables import content_digest
from runtime.fingerprint import (
    CODE_LENGTH,
    LENGTH,
    MISSING,
    Code,
    asked_of,
    code_digest_of,
    code_of,
    digest,
    fingerprint,
    library_version,
)


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


def test_a_fingerprint_has_two_halves() -> None:
    """Of published work it can be told whether its inputs have changed, or only its code."""
    name = fingerprint("roll_up", {"behaviors": "d1"}, {"day": "2017-11-01"}, "c1")
    later = fingerprint("roll_up", {"behaviors": "d1"}, {"day": "2017-11-01"}, "c2")
    other = fingerprint("roll_up", {"behaviors": "d2"}, {"day": "2017-11-01"}, "c1")
    assert (asked_of(name), code_digest_of(name)) == (asked_of(later), "c1")
    assert asked_of(other) != asked_of(name)
    assert code_digest_of(other) == code_digest_of(name)


def test_code_moves_with_the_versions_of_its_libraries_alone_too() -> None:
    code = Code("step", {"a.py": "1"}, {"polars": "1.0"})
    assert Code("step", {"a.py": "1"}, {"polars": "1.1"}).digest != code.digest
    assert Code("step", {"a.py": "2"}, {"polars": "1.0"}).digest != code.digest
    assert len(code.digest) == CODE_LENGTH


def test_libraries_are_those_that_the_step_imports() -> None:
    rolled, inferred = code_of("spark_jobs.roll_up").libraries, code_of("model_steps.infer").libraries
    assert {"polars", "pyarrow"} <= rolled.keys()
    assert not {"vllm", "torch"} & rolled.keys()
    assert {"vllm", "torch", "transformers", "tokenizers", "pyarrow"} <= inferred.keys()
    assert MISSING not in {**rolled, **inferred}.values()
    assert library_version("polars") == version("polars")
