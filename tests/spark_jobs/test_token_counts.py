"""Lengths of contexts, counted column by column, are those of the texts that are rendered from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from representation import hybrid, text
from representation.calendar import Window
from representation.cleaning import normalize_text
from representation.context import from_row
from runtime.errors import SourceMissing
from schemas import profiles, rollups
from settings import load_settings
from spark_jobs.histories.assembly import Compression
from spark_jobs.histories.contexts import contexts_of
from spark_jobs.histories.tokens import tokenizer_of

DAYS = ("2017-11-01", "2017-10-30", "2017-10-02", "2017-09-11", "2017-08-20")
ENTITIES = ("a", "b", "c", "d")
ACTIONS = ("purchase", "redeem", "search")

rows = st.lists(
    st.tuples(
        st.sampled_from(DAYS),
        st.sampled_from(("u1", "u2")),
        st.sampled_from(ACTIONS),
        st.sampled_from(ENTITIES),
        st.integers(1, 12),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:4],
)
texts = st.lists(
    st.text(max_size=20).map(lambda raw: normalize_text(raw, 40)).filter(bool), min_size=len(ENTITIES), max_size=4
)


def _compression(words: list[str]) -> Compression:
    known = pa.table({"entity_id": ENTITIES, "text": words, "category": pa.array(words, pa.string())})
    model = load_settings().engine.model
    return Compression(
        Window.of(DAYS[0], 90), 1_000, 2, known, profiles.TABLE.schema.empty_table(), tokenizer_of(model)
    )


def _measured(found: list[tuple[Any, ...]], compression: Compression) -> list[dict[str, Any]]:
    names = ("day", "user_id", "action", "entity_id", "count")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in found], rollups.TABLE.schema)
    measured: list[dict[str, Any]] = contexts_of(table, compression).to_pylist()
    return sorted(measured, key=lambda row: str(row["user_id"]))


@settings(max_examples=60, deadline=None)
@given(rows, texts)
def test_lengths_are_those_of_the_rendered_texts(found: list[tuple[Any, ...]], words: list[str]) -> None:
    compression = _compression(words)
    tokenizer = Tokenizer.from_str(compression.tokenizer)
    shown = dict(zip(ENTITIES, words, strict=True))

    def length(rendered: str) -> int:
        return len(tokenizer.encode(rendered, add_special_tokens=False))

    for row in _measured(found, compression):
        context = from_row(row)
        assert row["tokens_text"] == length(text.render_history(context, shown))
        shown_hybrid = hybrid.render_history(context)
        assert row["tokens_hybrid"] == sum(map(length, shown_hybrid.parts())) + len(shown_hybrid.entities)
        events = [
            f"{compression.window.day} {action}: {shown[entity]}\n"
            for _, user, action, entity, count in found
            for _ in range(count)
            if user == row["user_id"]
        ]
        assert row["tokens_full_text"] == sum(map(length, events))


def test_the_digest_is_of_what_a_prompt_shows() -> None:
    compression = _compression(["milk", "bread", "oats", "tea"])
    bought = [(DAYS[0], "u1", "purchase", "a", 2), (DAYS[2], "u1", "purchase", "b", 1)]
    twin = [(day, "u2", *rest) for day, _, *rest in bought]
    one, other = _measured(bought + twin, compression)
    assert one["digest"] == other["digest"]
    changes = {
        "a count": [(DAYS[0], "u1", "purchase", "a", 3), bought[1]],
        "an entity": [bought[0], (DAYS[2], "u1", "purchase", "c", 1)],
        "a day": [bought[0], (DAYS[1], "u1", "purchase", "b", 1)],
    }
    for what, changed in changes.items():
        assert _measured(changed, compression)[0]["digest"] != one["digest"], what
    attributes = pa.Table.from_pylist(
        [{"user_id": "u1", "attributes": [{"name": "age", "value": "35-44"}]}], profiles.TABLE.schema
    )
    assert _measured(bought, replace(compression, profiles=attributes))[0]["digest"] != one["digest"]


def test_no_contexts_no_lengths() -> None:
    assert _measured([], _compression(["milk", "bread", "oats", "tea"])) == []


def test_an_entity_without_a_text_is_an_error() -> None:
    compression = _compression(["milk", "bread", "oats", "tea"])
    with pytest.raises(SourceMissing, match="1 entities of the rollups are not in the table entities, unknown first"):
        _measured([(DAYS[0], "u1", "purchase", "unknown", 1)], compression)
