"""Explanations from a real lake by the real embedder and SmolLM2: read, written, kept, and asked nothing twice."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from lake.delta import tables
from lake.store.location import Lake
from model_steps.agents.inputs import rows_of
from model_steps.embedding.embedder import Embedder
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.chat import Chat
from model_steps.engine.vllm_engine import Engine
from model_steps.explaining.explainer import STYLE_OWNER, Explainer, Shop
from model_steps.explaining.reading import customers_of, read_shop
from model_steps.explaining.rules import Said, broken
from representation.cleaning import entity_id
from runtime.errors import SourceMissing
from schemas import explanations, items
from settings import ExplanationsSettings, Settings
from tests.evaluation.conftest import put
from tests.model_steps.test_real_model import CATALOG, DAY, USERS, Counting, fill

# Of a category that everybody has in a context, an item that nobody has.
LARGE = "large tub of plain yogurt, 32 oz"


def catalog_row(text: str, category: str) -> dict[str, Any]:
    path = f"{CATALOG[category]} > {category}"
    entity = entity_id("item", text)
    return {
        "item_id": text,
        "entity_id": entity,
        "text": text,
        "category": category,
        "category_path": path,
        "brand": None,
    }


def intents_of(user: str, tags: list[str]) -> list[dict[str, Any]]:
    return [
        {"user_id": user, "rank": rank, "tag": tag, "category": tag, "persona": f"{CATALOG[tag]} expert"}
        for rank, tag in enumerate(tags, start=1)
    ]


INTENTS = [
    *intents_of("u1", ["potato chips", "baby food", "plain yogurt", "whole milk"]),
    *intents_of("u3", ["whole milk", "baby food", "shredded cheese"]),
]


@pytest.fixture
def shop(lake: Lake) -> Shop:
    with pytest.raises(SourceMissing, match="The table items is empty"):
        read_shop(lake, DAY, Embedder(), ["whole milk"])
    fill(lake)
    rows = [*(catalog_row(text, text) for text in CATALOG), catalog_row(LARGE, "plain yogurt")]
    put(lake, items.TABLE, {"": pa.Table.from_pylist(rows, items.TABLE.schema)})
    return read_shop(lake, DAY, Embedder(), {row["category"] for row in INTENTS})


def test_a_chunk_is_explained_kept_and_carried_forward(
    lake: Lake, shop: Shop, settings: Settings, engine: Engine
) -> None:
    model, chat, embedder = Counting(engine), Chat(settings.engine.model), Embedder()
    customers = customers_of(lake, DAY, INTENTS)
    assert [customer.context.user_id for customer in customers] == ["u1", "u3"]

    def explain(**changed: Any) -> tuple[list[dict[str, Any]], Explainer]:
        cache = AnswerCache(lake, [*USERS, STYLE_OWNER], DAY, "release-1", "engine", lambda: model)
        wanted = ExplanationsSettings(**changed)
        explainer = Explainer(wanted, shop, cache.ask, chat.render, chat.answer_tokens, embedder.embed, "release-1")
        cache.begin_chunk()
        explained = explainer.explain(customers)
        cache.end_chunk()
        by_user = {customer.context.user_id: customer.context for customer in customers}
        for row in explained.rows:
            (item,) = [
                item
                for item, _ in shop.shelf.nearest(row["tag"], embedder.embed([row["tag"]])[0])
                if item.item_id == row["item_id"]
            ]
            context = by_user[row["user_id"]]
            asked = (row["user_id"], context.attributes, shop.surroundings, shop.lexicon, wanted)
            assert broken(Said(row["caption"], item, *asked)) == ()
        return explained.rows, explainer

    rows, explainer = explain()
    # What was bought on the day itself is not chosen, so u1 gets the tub that nobody has, and three tags are enough.
    assert [(row["user_id"], row["item_id"]) for row in rows] == [
        ("u1", "potato chips"),
        ("u1", "baby food"),
        ("u1", LARGE),
        ("u3", "whole milk"),
        ("u3", "shredded cheese"),
    ]
    assert all(row["caption"] and row["style"] and row["style"]["season"] in ("autumn", "any time") for row in rows)
    put(
        lake,
        explanations.TABLE,
        {DAY: rows_of(explanations.TABLE, rows, DAY).select(explanations.TABLE.file_schema.names)},
    )
    kept = tables.read(lake, explanations.TABLE, DAY).to_pylist()
    assert {(row["user_id"], row["item_id"], row["caption"]) for row in kept} == {
        (row["user_id"], row["item_id"], row["caption"]) for row in rows
    }

    # The same day again: nothing is asked, nothing differs.
    calls = model.calls
    again, _ = explain()
    assert (again, model.calls) == (rows, calls)
    assert calls == explainer.statistics.styles_asked + explainer.statistics.written

    # Free words from the same styles: whatever comes of them keeps the rules, or does not come.
    free, other = explain(form="free", attempts=1)
    assert len(free) + other.statistics.dropped.total() == len(rows)
    assert other.statistics.first == len(rows)
