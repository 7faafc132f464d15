"""Text from a log: one canonical line, nothing invisible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from representation.cleaning import entity_id, normalize_text


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Whole\tMILK\n 1 GAL ", "whole milk 1 gal"),
        ("milk\x00\x07", "milk"),
        ("mi\u200blk \u202eevil\u202c", "milk evil"),
        ("\uff2d\uff29\uff2c\uff2b", "milk"),
        ("", ""),
        ("\u200b\u200b", ""),
    ],
)
def test_known_dirt(raw: str, clean: str) -> None:
    assert normalize_text(raw, 200) == clean


def test_a_megabyte_is_capped() -> None:
    assert normalize_text("x" * 1_000_000, 200) == "x" * 200


@given(st.text(max_size=300))
def test_normal_text_stays_what_it_is(raw: str) -> None:
    once = normalize_text(raw, 64)
    assert len(once) <= 64
    assert normalize_text(once, 64) == once
    assert all(character == " " or not character.isspace() for character in once)


def test_kinds_do_not_share_ids() -> None:
    assert entity_id("item", "milk") != entity_id("query", "milk")
    assert entity_id("item", "milk") == entity_id("item", "milk")
