"""LoRA adapters: weights tuned beside a language model's own, which a role is answered with.

An adapter is the two files that peft saves. What is read here is plain LoRA on a model's linear modules, one rank for
all, in some layers or in all: training can leave more than that, and an engine would refuse it late or read it wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from model_steps.embedding.tensor_file import Header, header, header_of_file
from runtime.errors import DataError
from runtime.fingerprint import digest

WEIGHTS = "adapter_model.safetensors"
FORM = "adapter_config.json"
# What peft puts before the name of a module.
_PREFIX = "base_model.model."
_ENDS = {".lora_A.weight": "A", ".lora_B.weight": "B"}
# What vLLM 0.32 makes room for; a rank in between takes the next one's.
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
MOST_RANK = RANKS[-1]
# Of peft's form, what makes an adapter something else than plain LoRA where it is set.
_OTHER_KINDS = (
    "alora_invocation_tokens",
    "alpha_pattern",
    "fan_in_fan_out",
    "layer_replication",
    "lora_bias",
    "modules_to_save",
    "rank_pattern",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
)
# Starts that leave the language model's own weights as they are.
_STARTS = (None, True, False, "gaussian", "orthogonal", "eva")
# Where and with what an adapter was made, and nothing of what it is.
_PROVENANCE: Mapping[str, Any] = {"base_model_name_or_path": "", "revision": None, "peft_version": None}
_AGAIN = "train the adapter again (`python -m model_steps.train_experts`)"


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter as its files say.

    Args:
        name: what a release calls it.
        digest: of what it is.
        rank: of all its modules.
        modules: the kinds that it changes, such as ``q_proj``, sorted.
        weights: content of peft's adapter_model.safetensors.
        form: content of peft's adapter_config.json.
    """

    name: str
    digest: str
    rank: int
    modules: tuple[str, ...]
    weights: bytes = field(repr=False)
    form: bytes = field(repr=False)


def clean_form(content: bytes, where: str) -> bytes:
    """peft's form of an adapter without the names of the machine that made it, and in one order.

    Raises:
        DataError: it is none.
    """
    form = {**_form(content, where), **_PROVENANCE}
    # peft holds them as a set, whose order is another one in each process.
    form["target_modules"] = sorted(form["target_modules"])
    return (json.dumps(form, indent=1, sort_keys=True) + "\n").encode()


def read_adapter(name: str, weights: bytes, form: bytes, model: Path, where: str) -> Adapter:
    """Read an adapter for a language model.

    Args:
        name: what the release calls it.
        weights: content of its safetensors file.
        form: content of peft's configuration.
        model: the language model's folder.
        where: the adapter's place, for the sentence.

    Raises:
        DataError: it is no plain LoRA adapter, changes modules that the model has not, has wrong shapes, or numbers
            that are none.
    """
    said = _form(form, where)
    _refuse_other_kinds(said, where)
    try:
        found = header(weights)
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{where} is no safetensors file ({error}): restore it, or {_AGAIN}.") from None
    rank, modules = said["r"], tuple(sorted(said["target_modules"]))
    _refuse_unfit(_shapes(found, where), rank, modules, linear_shapes(model), where)
    _refuse_strange_numbers(weights, found, where)
    made_of = [name, found.digest_of(weights), {**said, **_PROVENANCE, "target_modules": modules}]
    return Adapter(name, digest(made_of), rank, modules, weights, form)


def linear_shapes(model: Path) -> dict[str, tuple[int, ...]]:
    """Shapes (out, in) of a model's linear modules, by name; those of its embeddings and its head are left out."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(model.glob("*.safetensors")):
        for name, shape in header_of_file(path).shapes.items():
            module = name.removesuffix(".weight")
            if module != name and len(shape) == 2 and ".layers." in f".{module}.":
                shapes[module] = shape
    return shapes


def _form(content: bytes, where: str) -> dict[str, Any]:
    """peft's configuration, of which the fields that all adapters have are as they should be."""
    try:
        form = dict(json.loads(content))
        sound = (
            form["peft_type"] == "LORA"
            and isinstance(form["r"], int)
            and isinstance(form["lora_alpha"], int | float)
            and isinstance(form["target_modules"], list)
            and all(isinstance(name, str) for name in form["target_modules"])
        )
        if not sound:
            raise ValueError("peft_type, r, lora_alpha and target_modules are not those of a LoRA adapter")
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{where} has no {FORM} of peft's ({error}): restore it, or {_AGAIN}.") from None
    return form


def _refuse_other_kinds(form: Mapping[str, Any], where: str) -> None:
    others = [name for name in _OTHER_KINDS if form.get(name)]
    if form.get("bias") not in (None, "none"):
        others.append("bias")
    if form.get("init_lora_weights") not in _STARTS:
        others.append("init_lora_weights")
    if others:
        raise DataError(
            f"{where} is no plain LoRA adapter, by its {', '.join(others)}: train one without, for the engine reads "
            "plain ones alone."
        )
    if not 0 < form["r"] <= MOST_RANK:
        raise DataError(
            f"{where} has the rank {form['r']}, and the engine takes 1 to {MOST_RANK}: train a smaller one."
        )


def _shapes(found: Header, where: str) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes of A and B, by module."""
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in found.shapes.items():
        end = next((end for end in _ENDS if name.endswith(end)), None)
        if end is None or not name.startswith(_PREFIX):
            raise DataError(f"{where} holds {name!r}, which is no part of a LoRA adapter of peft's: {_AGAIN}.")
        shapes.setdefault(name.removeprefix(_PREFIX).removesuffix(end), {})[_ENDS[end]] = shape
    if not shapes:
        raise DataError(f"{where} is an adapter of no module: {_AGAIN}.")
    return shapes


def _refuse_unfit(
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]],
    rank: int,
    modules: tuple[str, ...],
    linear: Mapping[str, tuple[int, ...]],
    where: str,
) -> None:
    """Refuse an adapter that does not fit the model's modules, or its own form."""
    for module, parts in shapes.items():
        if module not in linear or module.rpartition(".")[2] not in modules:
            here = "its form does not name" if module in linear else "the language model has not"
            raise DataError(
                f"{where} changes the module {module}, which {here}: set INTENTFLOW_ENGINE__MODEL to the model that it "
                f"was trained on, or {_AGAIN}."
            )
        width_out, width_in = linear[module]
        wanted = {"A": (rank, width_in), "B": (width_out, rank)}
        for part, shape in wanted.items():
            if parts.get(part) != shape:
                raise DataError(
                    f"{where}: {part} of {module} has the shape {parts.get(part)}, and by its rank {rank} and the "
                    f"language model it should be {shape}: set INTENTFLOW_ENGINE__MODEL to the model that it was "
                    f"trained on, or {_AGAIN}."
                )


def _refuse_strange_numbers(content: bytes, found: Header, where: str) -> None:
    for name in found.shapes:
        try:
            numbers = found.numbers(content, name)
        except ValueError as error:
            raise DataError(f"{where}: {name} cannot be read ({error}): restore it, or {_AGAIN}.") from None
        if not np.isfinite(numbers).all():
            raise DataError(f"{where}: {name} holds numbers that are not finite: {_AGAIN}.")
