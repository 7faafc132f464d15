"""The number type that ``auto`` stands for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runtime import processor

X86 = "processor\t: 0\nmodel name\t: a {0}\nflags\t\t: fpu avx2 {0}\nbugs\t\t: {0}\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd {}\nCPU part\t: 0xd40\n"


@pytest.mark.parametrize(
    ("description", "wanted"),
    [
        (X86.format("amx_bf16"), "bfloat16"),
        (X86.format("avx512_bf16"), "bfloat16"),
        (ARM.format("bf16 i8mm"), "bfloat16"),
        (X86.format("avx512f amx_tile"), "float32"),
        (ARM.format("i8mm"), "float32"),
        (X86.format("").replace("model name\t: a ", "model name\t: amx_bf16"), "float32"),
        ("", "float32"),
    ],
)
def test_a_processor_without_bfloat16_gets_float32(description: str, wanted: str) -> None:
    assert processor.cpu_type(description) == wanted


@pytest.mark.parametrize(
    ("config", "capability", "wanted"),
    [
        ({"dtype": "bfloat16"}, 9.0, "bfloat16"),
        ({"torch_dtype": "float16"}, 9.0, "float16"),
        ({"text_config": {"dtype": "float16"}}, 8.0, "float16"),
        ({"dtype": "float32"}, 8.0, "bfloat16"),
        ({}, 8.6, "bfloat16"),
        ({"dtype": "bfloat16"}, 7.5, "float16"),
        (None, 8.0, "bfloat16"),
    ],
)
def test_a_gpu_gets_the_weights_own_type_where_it_has_it(
    tmp_path: Path, config: object, capability: float, wanted: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    assert processor.gpu_type(tmp_path, capability) == wanted


def test_an_explicit_setting_stays(tmp_path: Path) -> None:
    assert processor.resolve("float16", tmp_path) == "float16"
    assert processor.resolve("auto", tmp_path) in ("float32", "bfloat16")


@pytest.mark.parametrize(("said", "wanted"), [("8.0\\n7.5", 7.5), ("9.0", 9.0), ("no devices were found", None)])
def test_the_oldest_gpu_counts_and_only_with_an_engine_for_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, wanted: float | None
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\nprintf '{said}\\n'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    find = processor.gpu_capability.__wrapped__
    assert find() is None
    versions = tmp_path / "site" / "vllm-0.32.0.dist-info"
    versions.mkdir(parents=True)
    (versions / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0\n")
    monkeypatch.syspath_prepend(str(versions.parent))
    assert find() == wanted
