"""Prompts with slots in the engine's form, the size of its cache, and the chunks of users that are cut by it."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from model_steps.agents.population import chunks_of
from model_steps.embedding.embedder import Vectors
from model_steps.engine.cache_capacity import bytes_per_token, tokens_that_fit
from model_steps.engine.hybrid_prompt import assemble
from representation.hybrid import SLOT
from runtime.errors import ConfigurationError, DataError
from runtime.processor import NumberType, cpu_type
from settings import EngineSettings

# As SmolLM2-135M: 2 (keys, values) x 30 layers x 3 heads x 64 numbers.
NUMBERS_PER_TOKEN = 11_520
CONFIGURATION = {
    "hidden_size": 576,
    "num_attention_heads": 9,
    "num_hidden_layers": 30,
    "num_key_value_heads": 3,
    "torch_dtype": "bfloat16",
}


def letters(text: str) -> list[int]:
    """A tokenizer: one token a character."""
    return [ord(letter) for letter in text]


def vectors(*rows: list[float]) -> Vectors:
    return np.array(rows, np.float32)


# --- prompts


def test_slots_become_positions_between_the_tokens() -> None:
    found = assemble(letters(f"ab{SLOT}{SLOT}c{SLOT}"), ord(SLOT), vectors([1, 2], [3, 4], [5, 6]), 2)
    assert len(found.token_ids) == len(found.is_token) == 6
    assert found.is_token.tolist() == [True, True, False, False, True, False]
    assert [token for token, is_one in zip(found.token_ids, found.is_token, strict=True) if is_one] == letters("abc")
    assert found.expanded().tolist() == [[0, 0], [0, 0], [1, 2], [3, 4], [0, 0], [5, 6]]
    assert found.expanded().dtype == np.float32


def test_a_slot_may_begin_and_end_a_prompt() -> None:
    found = assemble(letters(f"{SLOT}a{SLOT}"), ord(SLOT), vectors([1], [2]), 1)
    assert found.expanded().tolist() == [[1], [0], [2]]
    assert assemble(letters(SLOT), ord(SLOT), vectors([3]), 1).is_token.tolist() == [False]


def test_a_prompt_without_slots_is_all_tokens() -> None:
    found = assemble(letters("abc"), ord(SLOT), np.zeros((0, 2), np.float32), 2)
    assert found.token_ids == tuple(letters("abc"))
    assert found.is_token.all()
    assert not found.expanded().any()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.zeros((1, 3), np.float32), "2 slots of 3 numbers got vectors of the shape (1, 3)."),
        (np.zeros((3, 3), np.float32), "2 slots of 3 numbers got vectors of the shape (3, 3)."),
        (np.zeros((2, 4), np.float32), "2 slots of 3 numbers got vectors of the shape (2, 4)."),
        (np.zeros((0, 3), np.float32), "2 slots of 3 numbers got vectors of the shape (0, 3)."),
        (np.zeros(6, np.float32), "2 slots of 3 numbers got vectors of the shape (6,)."),
        (vectors([0, 0, 0], [0, np.nan, 0]), "A slot's vector holds numbers that are not finite: embed the entities"),
        (vectors([0, 0, -np.inf], [0, 0, 0]), "A slot's vector holds numbers that are not finite: embed the entities"),
    ],
)
def test_vectors_that_the_engine_would_crash_on_are_refused(given: Vectors, sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        assemble(letters(f"a{SLOT}b{SLOT}"), ord(SLOT), given, 3)
    assert str(refused.value).startswith(sentence)


def test_vectors_without_a_slot_are_refused() -> None:
    with pytest.raises(DataError, match="0 slots of 2 numbers"):
        assemble(letters("no slot"), ord(SLOT), vectors([1, 2]), 2)


# --- the cache's size


def folder_of(tmp_path: Path, without: str = "", **changed: Any) -> Path:
    """A model's folder with a configuration in which something is otherwise."""
    known = {name: value for name, value in {**CONFIGURATION, **changed}.items() if name != without}
    (tmp_path / "config.json").write_text(json.dumps(known))
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "dtype", "wanted"),
    [
        ({}, "float32", 46_080),
        ({}, "bfloat16", 23_040),
        ({}, "float16", 23_040),
        ({"torch_dtype": "float32"}, "bfloat16", 23_040),
        ({"torch_dtype": "bfloat16"}, "float32", 46_080),
        ({"num_key_value_heads": None}, "float32", 3 * 46_080),
        ({"head_dim": 128}, "float32", 2 * 46_080),
        ({"head_dim": None}, "float32", 46_080),
        ({"num_hidden_layers": 1}, "float32", 46_080 // 30),
    ],
)
def test_the_bytes_of_a_token_are_as_computed_by_hand(
    tmp_path: Path, changed: dict[str, Any], dtype: NumberType, wanted: int
) -> None:
    assert bytes_per_token(folder_of(tmp_path, **changed), dtype) == wanted


def test_what_a_configuration_may_leave_out_is_derived(tmp_path: Path) -> None:
    assert bytes_per_token(folder_of(tmp_path, without="num_key_value_heads"), "float32") == 9 * 64 * 30 * 2 * 4
    assert bytes_per_token(folder_of(tmp_path, without="torch_dtype"), "bfloat16") == 2 * NUMBERS_PER_TOKEN


@pytest.mark.parametrize("name", ["hidden_size", "num_attention_heads", "num_hidden_layers"])
def test_a_missing_field_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"config\.json does not say how large its cache is: '{name}'"):
        bytes_per_token(folder_of(tmp_path, without=name), "float32")


@pytest.mark.parametrize("content", [None, "", "{", '{"num_attention_heads": "many"}'])
def test_a_configuration_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"config\.json does not say how large its cache is"):
        bytes_per_token(tmp_path, "float32")


def capacity(folder: Path, memory: float, block: int = 32, dtype: Literal["auto"] | NumberType = "float32") -> int:
    """Tokens that fit into so many bytes."""
    settings = EngineSettings(model=folder, dtype=dtype, cache_gib=memory / 2**30, block_tokens=block)
    return tokens_that_fit(settings)


def test_as_many_blocks_fit_as_memory_has_but_one(tmp_path: Path) -> None:
    folder, block = folder_of(tmp_path), 32 * 4 * NUMBERS_PER_TOKEN
    assert capacity(folder, 10 * block) == 9 * 32
    assert capacity(folder, 11 * block - 1) == 9 * 32
    assert capacity(folder, 10 * block - 1) == 8 * 32
    # Half the bytes of a number, twice the blocks; twice the block, half as many.
    assert capacity(folder, 10 * block, dtype="bfloat16") == 19 * 32
    assert capacity(folder, 10 * block, dtype="auto") == (9 if cpu_type() == "float32" else 19) * 32
    assert capacity(folder, 10 * block, block=64) == 4 * 64


def test_no_block_fits_into_too_little_memory(tmp_path: Path) -> None:
    folder, block = folder_of(tmp_path), 32 * 4 * NUMBERS_PER_TOKEN
    assert [capacity(folder, part * block) for part in (0.001, 0.5, 1, 1.5, 2)] == [0, 0, 0, 0, 32]


@pytest.mark.parametrize("block", [32, 64, 160])
def test_what_fits_is_whole_blocks_and_grows_with_memory(tmp_path: Path, block: int) -> None:
    folder = folder_of(tmp_path)
    found = [capacity(folder, gibibytes * 2**30, block) for gibibytes in (0.1, 0.3, 1, 3, 3.7, 40)]
    assert all(tokens % block == 0 for tokens in found)
    assert found == sorted(set(found))
    # One block for the engine, and less than one that memory has not whole.
    assert all(
        0 < gibibytes * 2**30 / (4 * NUMBERS_PER_TOKEN) - tokens <= 2 * block
        for gibibytes, tokens in zip((0.1, 0.3, 1, 3, 3.7, 40), found, strict=True)
    )


# --- chunks of users


def test_chunks_are_as_they_were_where_nothing_is_counted() -> None:
    assert chunks_of(list("abcdefg"), 3) == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert chunks_of(list("abcd"), 2) == [["a", "b"], ["c", "d"]]
    assert chunks_of(list("ab"), 9) == [["a", "b"]]
    assert chunks_of([], 3) == []


def test_a_chunk_ends_where_its_users_fill_the_cache() -> None:
    tokens = [5, 3, 2, 1, 9, 1, 1, 1, 1]
    assert chunks_of(tokens, 3, lambda user: user, 10) == [[5, 3, 2], [1, 9], [1, 1, 1], [1]]


def test_a_user_that_is_too_large_goes_alone() -> None:
    assert chunks_of([2, 30, 2, 2], 4, lambda user: user, 10) == [[2], [30], [2, 2]]
    assert chunks_of([30, 0, 2], 4, lambda user: user, 10) == [[30], [0, 2]]
    assert chunks_of([30, 40], 4, lambda user: user, 10) == [[30], [40]]
    # A cache without room for anybody: each goes alone.
    assert chunks_of([1, 2, 3], 4, lambda user: user, 0) == [[1], [2], [3]]


@pytest.mark.parametrize("seed", range(20))
def test_chunks_follow_the_users_and_are_as_large_as_they_may(seed: int) -> None:
    chance = random.Random(seed)
    users = [(f"u{number}", chance.randint(0, 1_500)) for number in range(chance.randint(1, 300))]
    size, most = chance.randint(1, 16), chance.randint(500, 6_000)
    chunks = chunks_of(users, size, lambda user: user[1], most)
    assert [user for chunk in chunks for user in chunk] == users
    for chunk in chunks:
        assert 1 <= len(chunk) <= size
        assert sum(tokens for _, tokens in chunk) <= most or len(chunk) == 1
    for chunk, (following, *_) in pairwise(chunks):
        assert len(chunk) == size or sum(tokens for _, tokens in [*chunk, following]) > most
