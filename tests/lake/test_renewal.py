"""Vectors that other code made give way to those of this code; others stay, whoever made them."""

from __future__ import annotations

import pyarrow as pa

from lake.delta import tables, writing
from lake.delta.renewal import keys_of, renew
from lake.store.location import Lake
from runtime.fingerprint import fingerprint
from schemas import entity_vectors

TABLE = entity_vectors.TABLE
THEN, NOW = (fingerprint("embed", {"embedder": "e"}, {}, code) for code in ("a" * 12, "b" * 12))
OTHER = fingerprint("embed", {"embedder": "f"}, {}, "a" * 12)


def vectors(value: float, *entities: str, embedder: str = "e") -> pa.Table:
    rows = [{"entity_id": entity, "embedder": embedder, "vector": [value]} for entity in entities]
    return pa.Table.from_pylist(rows, TABLE.schema)


def held(lake: Lake) -> dict[tuple[str, str], float]:
    return {(row["entity_id"], row["embedder"]): row["vector"][0] for row in tables.read(lake, TABLE).to_pylist()}


def test_rows_of_other_code_are_replaced_key_by_key(lake: Lake) -> None:
    assert renew(lake, TABLE, vectors(1, "milk", "soup"), THEN) == 2
    assert renew(lake, TABLE, vectors(5, "milk", embedder="f"), OTHER) == 1
    assert keys_of(lake, TABLE, NOW).num_rows == 0
    assert renew(lake, TABLE, vectors(2, "milk", "wine"), NOW) == 2
    assert held(lake) == {("milk", "e"): 2, ("soup", "e"): 1, ("wine", "e"): 2, ("milk", "f"): 5}
    assert sorted(keys_of(lake, TABLE, NOW)["entity_id"].to_pylist()) == ["milk", "wine"]
    assert keys_of(lake, TABLE, THEN)["entity_id"].to_pylist() == ["soup"]
    # Its own rows stay: the same work does nothing twice.
    assert renew(lake, TABLE, vectors(3, "milk", "wine"), NOW) == 0
    assert renew(lake, TABLE, vectors(2, "soup"), NOW) == 1
    assert held(lake) == {("milk", "e"): 2, ("soup", "e"): 2, ("wine", "e"): 2, ("milk", "f"): 5}


def test_rows_that_nobody_signed_are_replaced_too(lake: Lake) -> None:
    writing.insert_new(lake, TABLE, vectors(1, "milk", "soup"))
    assert renew(lake, TABLE, vectors(2, "milk", "soup"), NOW) == 2
    assert held(lake) == {("milk", "e"): 2, ("soup", "e"): 2}
