"""The language model with an adapter that a training of ours left: of the same rank and layers, which it then is."""

from __future__ import annotations

import json
from pathlib import Path

from model_steps.engine.adapters import Adapter
from model_steps.training.lora.tuned_model import MODULES, TunedModel
from runtime.errors import ConfigurationError, DataError
from settings import LoraSettings


def adapted(model: Path, dtype: str, adapter: Adapter, settings: LoraSettings | None = None) -> TunedModel:
    """The model as it was when the adapter was saved.

    Args:
        model: its folder. dtype: number type of its weights. settings: the seed; rank and layers are the adapter's.

    Raises:
        DataError: the adapter has another scale, other modules or other layers than our trainings give.
    """
    tuned = TunedModel(model, dtype, (settings or LoraSettings()).model_copy(update=_shape(adapter)))
    try:
        tuned.start_from(adapter.weights, adapter.name)
    except ConfigurationError:
        raise _foreign(adapter) from None
    return tuned


def _shape(adapter: Adapter) -> dict[str, int]:
    """Rank and first layer of an adapter, as settings name them."""
    form = json.loads(adapter.form)
    layers = form.get("layers_to_transform") or [0]
    if form["lora_alpha"] != 2 * adapter.rank or adapter.modules != tuple(sorted(MODULES)) or form.get("use_rslora"):
        raise _foreign(adapter)
    return {"rank": adapter.rank, "first_layer": min(layers if isinstance(layers, list) else [layers])}


def _foreign(adapter: Adapter) -> DataError:
    return DataError(
        f"The adapter {adapter.name} has other modules or layers, or another scale, than this project trains: give one "
        "that was trained here."
    )
