"""Other families' models through the real engine: two users end to end, in the text form.

Their weights are random, so what they say is noise: that both users get their tags shows that prompts, grammars and
tokenizers fit together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.delta.staging import Batch, read_staged
from lake.registry import releases
from lake.store.location import Lake
from model_steps import infer, release
from model_steps.embedding.slots import EntitySlots
from model_steps.engine.asking import Request, Sampling
from model_steps.engine.chat import Chat
from model_steps.engine.vllm_engine import Engine
from schemas import failures, intents
from settings import Settings, load_settings
from tests.model_steps import foreign_models
from tests.model_steps.test_real_model import CATALOG, DAY, fill


class Starts:
    """Starts the engine, as inference wants it, and ends it after the test."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.seconds = 0.0
        self.engine: Engine | None = None

    def __call__(self, slots: EntitySlots | None) -> Engine:
        self.engine = Engine(self._settings.engine, slots)
        return self.engine


# Two always, for each start of the engine takes its time; all four in the proof.
@pytest.fixture(
    params=["llama", "qwen", *(pytest.param(name, marks=pytest.mark.proof) for name in ("gemma", "mistral"))]
)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def foreign(family: str, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings with a model of the family."""
    folder = foreign_models.build(family, tmp_path / family)
    foreign_models.fill_with_random_weights(folder)
    monkeypatch.setenv("INTENTFLOW_ENGINE__MODEL", str(folder))
    load_settings.cache_clear()
    engine = settings.engine.model_copy(
        update={"model": folder, "maximum_tokens": foreign_models.WINDOW, "cache_gib": 0.25}
    )
    inference = settings.inference.model_copy(update={"representation": "text"})
    yield settings.model_copy(update={"engine": engine, "inference": inference})
    load_settings.cache_clear()


def test_two_users_get_their_tags(lake: Lake, tmp_path: Path, foreign: Settings) -> None:
    fill(lake)
    made = release.make(tmp_path / "releases", None)
    releases.install(lake, *releases.load(tmp_path / "releases" / made.name))
    start = Starts(foreign)
    manifest = infer.infer(lake, DAY, "1/1", foreign, users=2, force=True, release=made.name, start=start)
    try:
        lost = read_staged(lake, failures.TABLE, Batch.load(lake, manifest["batches"][1]).partitions[0]).to_pylist()
        assert [row["reason"] for row in lost] == []
        assert (manifest["users_in"], manifest["users_published"], manifest["users_failed"]) == (2, 2, 0)
        assert manifest["users_with_wrong_tags"] == 0
        rows = read_staged(lake, intents.TABLE, Batch.load(lake, manifest["batches"][0]).partitions[0]).to_pylist()
        assert len(rows) == 2 * foreign.inference.tags
        assert all(row["category"] in CATALOG and row["tag"] and row["release"] == made.name for row in rows)
        # The engine reads what the tokenizer makes of a chat, not one token more.
        chat = Chat(foreign.engine.model)
        asked = Request("u", "test", chat.render("You are brief.", "What comes next?"), Sampling(maximum_tokens=2))
        assert start.engine is not None
        (answer,) = start.engine.generate([asked])
        assert answer.prompt_tokens == chat.count(asked.prompt)
    finally:
        if start.engine is not None:
            start.engine.close()
