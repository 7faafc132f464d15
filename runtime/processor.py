"""The number type that this machine multiplies best: what the setting ``auto`` stands for, found out once a run."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Literal

NumberType = Literal["float32", "bfloat16", "float16"]

CPU_DESCRIPTION = Path("/proc/cpuinfo")
# As Linux calls them: Intel's and AMD's matrix and vector units, and ARM's.
_BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
# The first generation of NVIDIA's GPUs that has bfloat16.
_AMPERE = 8.0


def cpu_type(description: str | None = None) -> NumberType:
    """bfloat16 where the processor multiplies it natively, else float32, which is then as fast and more exact.

    Args:
        description: what Linux says of the processor (default: of this machine's; elsewhere than on Linux nothing).
    """
    if description is None:
        description = CPU_DESCRIPTION.read_text() if CPU_DESCRIPTION.is_file() else ""
    flags: set[str] = set()
    for line in description.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            flags |= set(value.split())
    return "bfloat16" if flags & _BFLOAT16_FLAGS else "float32"


@cache
def gpu_capability() -> float | None:
    """Compute capability of the GPU that the engine runs on, or None where it runs on the processor."""
    try:
        engine = metadata.version("vllm")
    except metadata.PackageNotFoundError:
        return None
    if "cpu" in engine:
        return None
    question = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    try:
        said = subprocess.run(question, capture_output=True, text=True, timeout=60, check=True).stdout
        return min(float(line) for line in said.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def gpu_type(model: Path, capability: float) -> NumberType:
    """The type of a model's weights where the GPU has it, as vLLM would choose: half precision, never float32."""
    try:
        config = json.loads((model / "config.json").read_text())
        config = config.get("text_config", config)
        of_weights = config.get("dtype") or config.get("torch_dtype")
    except (OSError, ValueError, AttributeError):
        of_weights = None  # The engine says what is wrong with the folder.
    if capability < _AMPERE or of_weights == "float16":
        return "float16"
    return "bfloat16"


def resolve(wanted: NumberType | Literal["auto"], model: Path) -> NumberType:
    """The number type that a setting stands for on this machine.

    Args:
        wanted: a setting's value; any but ``auto`` is taken as it is.
        model: folder of the language model.
    """
    if wanted != "auto":
        return wanted
    capability = gpu_capability()
    return cpu_type() if capability is None else gpu_type(model, capability)
