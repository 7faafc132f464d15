"""Training examples: a prompt with slots and the target that shall follow it (PAPER 1.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from representation.hybrid import SLOT
from runtime import atomic
from runtime.errors import DataError

IGNORED = -100


@dataclass(frozen=True)
class Example:
    """A prompt, its slots' entities, and the target. ``family`` names the task."""

    family: str
    prompt: str
    entities: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Encoded:
    """An example in token ids.

    Args:
        ids: of prompt and target; at a slot it means nothing. slots: positions of the slots. rows: which entities stand
            there, as rows of the embeddings. begins: where the target does.
    """

    ids: tuple[int, ...]
    slots: tuple[int, ...]
    rows: tuple[int, ...]
    begins: int


def encode(
    example: Example, tokens: Callable[[str], Sequence[int]], slot: int, end: int, row_of: dict[str, int]
) -> Encoded:
    """Turn an example into ids; the target ends with the token that ends an answer.

    Args:
        example: with a slot for each of its entities.
        tokens: a text's token ids.
        slot: the id that stands for a slot.
        end: the id that ends an answer.
        row_of: each entity's row of the embeddings.

    Raises:
        DataError: its slots are not as many as its entities, or one of them is unknown.
    """
    if example.prompt.count(SLOT) != len(example.entities) or not row_of.keys() >= set(example.entities):
        raise DataError(
            f"A training example of {example.family} has {example.prompt.count(SLOT)} slots for "
            f"{len(example.entities)} entities, or entities that are not embedded: remove the kept examples, they are "
            "made again."
        )
    prompt = tokens(example.prompt)
    slots = tuple(position for position, token in enumerate(prompt) if token == slot)
    ids = (*(0 if token == slot else token for token in prompt), *tokens(example.target), end)
    return Encoded(ids, slots, tuple(row_of[entity] for entity in example.entities), begins=len(prompt))


@dataclass(frozen=True)
class Padded:
    """Examples of like length side by side (examples x positions).

    Args:
        ids, mask, labels: tokens, which of them are there, and the targets' tokens (else ``IGNORED``).
        where: example and position of every slot. rows: the entity there, as a row of the embeddings.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor
    where: tuple[torch.Tensor, torch.Tensor]
    rows: torch.Tensor


def pad(examples: Sequence[Encoded]) -> Padded:
    longest = max(len(one.ids) for one in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    mask = torch.zeros(len(examples), longest, dtype=torch.long)
    labels = torch.full((len(examples), longest), IGNORED, dtype=torch.long)
    who: list[int] = []
    for number, one in enumerate(examples):
        ids[number, : len(one.ids)] = torch.tensor(one.ids)
        mask[number, : len(one.ids)] = 1
        labels[number, one.begins : len(one.ids)] = torch.tensor(one.ids[one.begins :])
        who += [number] * len(one.slots)
    where = [position for one in examples for position in one.slots]
    rows = [row for one in examples for row in one.rows]
    who_where_rows = (torch.tensor(some, dtype=torch.long) for some in (who, where, rows))
    of_example, position, row_of_slot = who_where_rows
    return Padded(ids, mask, labels, (of_example, position), row_of_slot)


def write(path: Path, examples: Sequence[Example]) -> None:
    """Keep examples as JSON lines: whole, or not at all."""
    atomic.write(path, "".join(json.dumps(asdict(example)) + "\n" for example in examples))


def read(path: Path) -> list[Example]:
    """Examples that were kept.

    Raises:
        DataError: the file is none of ours.
    """
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [Example(row["family"], row["prompt"], tuple(row["entities"]), row["target"]) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} holds no training examples ({error}): remove it, they are made again.") from None
