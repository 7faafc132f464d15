"""How many tokens the engine's key-value cache holds, known before it starts: chunks of users are cut by it.

A chunk's prefixes stay cached from the planner's wave to the arbiter's only if all that a chunk computes fits.
"""

from __future__ import annotations

import json
from pathlib import Path

from runtime import processor
from runtime.errors import ConfigurationError
from runtime.processor import NumberType
from settings import EngineSettings

BYTES: dict[NumberType, int] = {"float32": 4, "bfloat16": 2, "float16": 2}


def bytes_per_token(folder: Path, dtype: NumberType, gpus: int = 1) -> int:
    """Keys and values of one token in all layers, on each of the GPUs that share the heads.

    Raises:
        ConfigurationError: the model's configuration does not say.
    """
    try:
        config = json.loads((folder / "config.json").read_text())
        # A model that also sees has its language model's numbers apart.
        config = config.get("text_config", config)
        heads = int(config.get("num_key_value_heads") or config["num_attention_heads"])
        width = int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
        layers = int(config["num_hidden_layers"])
        if min(heads, width, layers) < 1:
            raise ValueError("a number below 1")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ConfigurationError(f"{folder / 'config.json'} does not say how large its cache is: {error}.") from None
    return 2 * layers * max(1, heads // gpus) * width * BYTES[dtype]


def tokens_that_fit(settings: EngineSettings) -> int:
    """Tokens of whole blocks. One block less than memory has, for the engine keeps one for itself."""
    dtype = processor.resolve(settings.dtype, settings.model)
    of_token = bytes_per_token(settings.model, dtype, settings.tensor_parallel)
    blocks = int(settings.cache_gib * 2**30) // (of_token * settings.block_tokens)
    return max(0, blocks - 1) * settings.block_tokens
