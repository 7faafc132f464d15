"""Captions to be labelled: drawn by a seed, written once, kept as they are, and without anybody's pseudonym."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from lake.store.location import Lake
from model_steps.caption_judge.drawing import drawn_users, kept_interests
from model_steps.caption_judge.labelled_files import PAIRS_FILE, WRITTEN_FILE, read_pairs, read_written
from model_steps.caption_judge.splits import refuse_shared, split_of
from model_steps.engine import ranking
from model_steps.engine.asking import Answer, Request
from model_steps.explaining import prompt_files
from model_steps.write_captions_to_label import write_captions
from runtime.errors import UsageError
from schemas import items
from settings import Settings
from tests.evaluation.conftest import put
from tests.model_steps.test_explaining_lake import catalog_row
from tests.model_steps.test_real_model import CATALOG, DAY, USERS, fill

STYLE = {"tone": "warm", "audience": "families", "rhetoric": "question", "feeling": "joy", "season": "any time"}
FREE = "Of the is, 2099."


class Writer:
    """Writes one caption for all, or the first of those that may be drawn, and one style."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def generate(self, requests: Sequence[Request]) -> list[Answer]:
        self.asked += requests
        return [Answer(self._said(one), 1, 0, 1) for one in requests]

    @staticmethod
    def _said(request: Request) -> str:
        if request.options is not None:
            return ranking.write([(request.options.texts[0], 0.0)])
        return json.dumps(STYLE) if request.role == prompt_files.STYLIST else FREE

    def reset_prefix_cache(self) -> None: ...


@pytest.fixture
def filled(lake: Lake) -> Lake:
    fill(lake)
    rows = [catalog_row(text, text) for text in CATALOG]
    put(lake, items.TABLE, {"": pa.Table.from_pylist(rows, items.TABLE.schema)})
    return lake


def test_captions_are_kept_as_they_are_and_name_nobody(filled: Lake, settings: Settings, tmp_path: Path) -> None:
    model = Writer()
    manifest = write_captions(filled, [DAY], range(len(USERS)), 0, settings, model, tmp_path)
    written, pairs = read_written(tmp_path), read_pairs(tmp_path)
    assert manifest["captions"] == len(written) > 0
    assert manifest["pairs"] == len(pairs)
    drawn = [one for one in written if one.form == "closed"]
    assert drawn
    assert len(drawn) == sum(one.options is not None for one in model.asked)
    for one in drawn:
        assert (one.case.item.what or "?") in one.case.caption.lower()
    assert {one.case.caption for one in written if one.form == "free"} == {FREE}
    assert all(not one.labels for one in written)
    assert all(one.case.item.category in one.case.reader.interests for one in written)
    for one in written:
        assert split_of(one.case.item.category) == one.split == split_of(one.case.reader.name)
        assert (one.case.style is None) == (one.way == "v1")
    refuse_shared([*((one.case, one.split) for one in written), *pairs])
    content = (tmp_path / WRITTEN_FILE).read_text() + (tmp_path / PAIRS_FILE).read_text()
    assert not any(f'"{user}"' in content for user in USERS)
    roles = {one.role for one in model.asked}
    assert roles <= {prompt_files.STYLIST, prompt_files.EXPLAINER, prompt_files.RIVAL}
    with pytest.raises(UsageError, match="is there already, perhaps with labels"):
        write_captions(filled, [DAY], range(3), 0, settings, model, tmp_path)


def test_one_form_alone_is_written_for_each(filled: Lake, settings: Settings, tmp_path: Path) -> None:
    write_captions(filled, [DAY], range(len(USERS)), 0, settings, Writer(), tmp_path, [("meta", "closed")])
    written = read_written(tmp_path)
    assert {(one.way, one.form) for one in written} == {("meta", "closed")}
    names = [one.case.reader.name for one in written]
    assert len(set(names)) == len(names) > 0


def test_the_draw_goes_on_where_an_earlier_one_ended() -> None:
    users = [f"u{number}" for number in range(50)]
    whole = drawn_users(users, 20, 7)
    assert whole == drawn_users(reversed(users), 20, 7)
    assert drawn_users(users, 12, 7) == whole[:12]
    assert drawn_users(users, 20, 8) != whole


def test_interests_are_few_and_have_the_items_category() -> None:
    interests = [f"c{number}" for number in range(20)]
    assert len(kept_interests(interests, "c19")) == 12
    assert kept_interests(interests, "c19")[-1] == "c19"
    assert kept_interests(interests, "c3") == tuple(interests[:12])
    assert "x" not in kept_interests(interests, "x")
