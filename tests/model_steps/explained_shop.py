"""A small shop whose day is explained: real tables, and a model that answers as it is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake.audit import audit
from lake.delta import tables
from lake.delta.publishing import publish
from lake.delta.staging import Batch, read_staged
from lake.publish_day import DAY_TABLES, publish_day
from lake.registry import champions
from lake.registry.canary import Canary
from lake.store.location import Lake
from model_steps import infer
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.explaining import prompt_files
from representation.cleaning import entity_id
from runtime.errors import InfrastructureError
from schemas import contexts, days, failures, intents, items, personas, signals
from schemas.registry import TABLES
from settings import Settings
from tests.evaluation.conftest import put
from tests.model_steps.test_explainer import GOOD, STYLED, item_of
from tests.model_steps.test_personas import Ranks
from tests.model_steps.test_real_model import CATALOG, DAY, fill

OWN, SHARE = "u3", 0.3
Writes = Callable[[Request], str]


def says_what_the_item_is(request: Request) -> str:
    return GOOD.replace("{what}", item_of(request))


class Model(Ranks):
    """Ranks, and writes as it is told; remembers what it wrote, and dies when it may write no more."""

    def __init__(self, caption: Writes = says_what_the_item_is, written: int = 10**6) -> None:
        self.caption, self.left = caption, written
        self.ranked = 0
        self.asked: list[Request] = []

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        if all(request.options is not None and request.most for request in requests):
            self.ranked += len(requests)
            return super().generate(requests)
        if (left := self.left - len(requests)) < 0:
            raise InfrastructureError("The engine was killed.")
        self.left = left
        self.asked += requests
        return [Answer(self._written(request), 10, 0, 5) for request in requests]

    def _written(self, request: Request) -> str:
        text = STYLED if request.role == prompt_files.STYLIST else self.caption(request)
        return text if request.options is None else ranking.write([(text, -1.0)])

    @property
    def keys(self) -> list[str]:
        return [request.key("r", "e") + request.user_id for request in self.asked]


def item_row(text: str, category: str, number: int, path: str | None = None) -> dict[str, Any]:
    path = path or f"{CATALOG[category]} > {category}"
    entity = entity_id("item", text)
    return {
        "item_id": str(number),
        "entity_id": entity,
        "text": text,
        "category": category,
        "category_path": path,
        "brand": None,
    }


def put_items(lake: Lake, rows: Sequence[dict[str, Any]]) -> None:
    put(lake, items.TABLE, {"": pa.Table.from_pylist(list(rows), items.TABLE.schema)})


# Of each category what all have in a context, and so bought lately, and one that nobody has.
ITEMS = [
    item_row(text.format(category), category, 2 * number + more)
    for number, category in enumerate(CATALOG)
    for more, text in enumerate(("{}", "fine {}, 12 oz"))
]


@dataclass
class Shop:
    """A small day's lake with a catalog of items."""

    lake: Lake
    settings: Settings
    docs: Path
    said: list[dict[str, Any]] = field(default_factory=list)

    def with_(self, **explanations: Any) -> Shop:
        """The same lake under other settings of explanations."""
        wanted = self.settings.explanations.model_copy(update=explanations)
        return replace(self, settings=self.settings.model_copy(update={"explanations": wanted}))

    def infer(self, start: Any = None, shard: str = "1/1", who: Canary | None = None) -> dict[str, Any]:
        start = start or Model()
        return infer.infer(self.lake, DAY, shard, self.settings, users=0, start=start, canary=who)

    def staged(self, manifest: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Rows of a manifest's batches, by table and step."""
        found: dict[str, list[dict[str, Any]]] = {}
        for batch in (Batch.load(self.lake, path) for path in manifest["batches"]):
            for part in batch.partitions:
                name = " ".join(filter(None, (batch.table, part.partition.get("step"))))
                found[name] = read_staged(self.lake, TABLES[batch.table], part).to_pylist()
        return found

    def publish(self, *manifests: dict[str, Any], who: Canary | None = None) -> dict[str, Any]:
        """Audit and publish shards and then the day, as the tasks of a refresh do."""
        batches = [Batch.load(self.lake, path) for manifest in manifests for path in manifest["batches"]]
        if batches:
            audit(self.lake, batches, self.docs)
            publish(self.lake, batches)
        return publish_day(self.lake, DAY, champions.log_of(self.lake)[-1].release, {}, canary=who)

    def pins(self) -> set[str]:
        (row,) = tables.read(self.lake, days.TABLE, DAY).to_pylist()
        return {entry["table"] for entry in row["versions"]}


@pytest.fixture(scope="module")
def built(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake with nothing inferred, which nobody changes."""
    lake = Lake.open(tmp_path_factory.mktemp("explained") / "lake")
    fill(lake)
    put_items(lake, ITEMS)
    for table in DAY_TABLES:
        if table not in (contexts.TABLE, signals.TABLE, intents.TABLE, personas.TABLE, failures.TABLE):
            put(lake, table, {DAY: table.file_schema.empty_table()})
    champions.take(lake, settings.lake.first_release)
    return lake


@pytest.fixture
def shop(built: Lake, settings: Settings, tmp_path: Path) -> Shop:
    """A copy of it for one test."""
    shutil.copytree(built.root, tmp_path / "lake")
    wanted = {"asking": "ranked", "representation": "text", "ranked_tags": 6, "chunk_users": 1, "tags": 3}
    inference = settings.inference.model_copy(update=wanted)
    shape = settings.examples.model_copy(update={"personas": 2, "categories": 3})
    ranked = settings.model_copy(update={"inference": inference, "examples": shape})
    return Shop(Lake.open(tmp_path / "lake"), ranked, tmp_path / "docs").with_(tags=2)
