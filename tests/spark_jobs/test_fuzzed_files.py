"""Whatever bytes a file has: no traceback, what comes in comes out somewhere, and good lines beside bad ones land."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import CommandError
from spark_jobs.landing.pseudonyms import pseudonym
from tests.spark_jobs.shop import FORMATS, GOOD, KEY, Shop, text

FEW = settings(max_examples=20, deadline=None)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "encoding": st.sampled_from(["utf-16", "latin-1", "shift-jis", "utf-32-be"]),
        "quoted_lines": st.integers(2, 5),
        "escape": st.just("\\"),
        "compression": st.sampled_from(["gz", "zst"]),
        "new_columns": st.sampled_from(["carry", "refuse"]),
        "header": st.just(list(GOOD)),
    },
)
BAD_LINE = st.one_of(
    st.binary(max_size=60).filter(lambda line: not {*b"\r\n"} & {*line}),
    st.text(st.sampled_from('",\\{}[]:01aN.- \tu'), max_size=60).map(str.encode),
)


def land(kind: str, content: bytes, **fields: Any) -> list[str]:
    """Users of the behaviors; ``Shop.land`` holds the sum of what becomes of rows against what came in."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), kind, fields)
        shop.write(content)
        return [row["user_id"] for row in shop.land().behaviors]


@pytest.mark.parametrize("kind", FORMATS)
def test_random_bytes_end_in_a_sentence_or_in_rows(kind: str) -> None:
    @FEW
    @given(content=st.binary(max_size=300), fields=SAID)
    def holds(content: bytes, fields: dict[str, Any]) -> None:
        with suppress(CommandError):
            land(kind, content, **fields)

    holds()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_good_file_with_bytes_changed_does_too(kind: str) -> None:
    good = text(kind, [{**GOOD, "user": name} for name in ("ann", "ben", "carl")])

    @FEW
    @given(place=st.integers(0, len(good) - 1), put=st.binary(max_size=8), gone=st.integers(0, 8))
    def holds(place: int, put: bytes, gone: int) -> None:
        with suppress(CommandError):
            land(kind, good[:place] + put + good[place + gone :])

    holds()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_good_lines_always_land(kind: str) -> None:
    first, *rest = text(kind, [{**GOOD, "user": name} for name in ("ann", "ben", "carl")]).splitlines()
    users = {pseudonym(KEY, name) for name in ("ann", "ben", "carl")}

    @FEW
    @given(bad=st.lists(BAD_LINE, min_size=len(rest), max_size=len(rest)), escape=st.sampled_from(["", "\\"]))
    def holds(bad: list[bytes], escape: str) -> None:
        lines = [line for pair in zip(bad, rest, strict=True) for line in pair]
        assert users <= set(land(kind, b"\n".join([first, *lines]), escape=escape))

    holds()
