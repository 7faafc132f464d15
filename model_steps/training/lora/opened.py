"""The language model with an adapter that was trained before, of whatever rank and layers that one is."""

from __future__ import annotations

import json
from pathlib import Path

from model_steps.engine.adapters import Adapter
from model_steps.training.lora.tuned_model import MODULES, TunedModel
from runtime.errors import ConfigurationError, DataError
from settings import LoraSettings


def open_tuned(model: Path, dtype: str, settings: LoraSettings, adapter: Adapter | None) -> TunedModel:
    """The language model with an adapter of the same rank and layers as the given one, which it then is.

    Args:
        model: folder of the language model. dtype: number type of its weights.
        settings: rank and layers without an adapter, and the seed.
        adapter: none: the model begins with no change.

    Raises:
        DataError: the adapter is not one of our trainings'.
    """
    if adapter is None:
        return TunedModel(model, dtype, settings)
    tuned = TunedModel(model, dtype, settings.model_copy(update=_shape(adapter)))
    try:
        tuned.start_from(adapter.weights, adapter.name)
    except ConfigurationError:
        raise _foreign(adapter) from None
    return tuned


def _shape(adapter: Adapter) -> dict[str, int]:
    """Rank and first layer of an adapter, as settings name them.

    Raises:
        DataError: it has another scale or other modules than our trainings give.
    """
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
