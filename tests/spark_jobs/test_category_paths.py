"""Categories from one column, from several, and from flags."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from spark_jobs.landing.sources.category_paths import category_path
from spark_jobs.landing.sources.description import Items


def paths(rows: dict[str, list[str | None]], **said: Any) -> list[list[str | None]]:
    columns = {"item": "sku", "text": "title", **said.pop("columns")}
    items = Items.model_validate({"files": "items.csv", "format": "csv", "columns": columns, **said})
    frame = pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String))
    found: list[list[str | None]] = frame.select(path=category_path(list(rows), items))["path"].to_list()
    return found


def test_a_column_a_level() -> None:
    rows: dict[str, list[str | None]] = {"path 0": ["house", None], "path 1": ["rakes", "hats"]}
    assert paths(rows, columns={"path": ["a", "b"]}) == [["house", "rakes"], [None, "hats"]]


@pytest.mark.parametrize("sign", [" > ", "|", "."])
def test_all_levels_in_one_column(sign: str) -> None:
    rows: dict[str, list[str | None]] = {"path 0": [f"house{sign}garden{sign}rakes", "hats", None, ""]}
    found = paths(rows, columns={"path": ["a"]}, path_separator=sign)
    assert found == [["house", "garden", "rakes"], ["hats"], [], [""]]


def test_levels_in_two_columns_of_which_one_is_missing() -> None:
    rows: dict[str, list[str | None]] = {"path 0": ["a|b", None], "path 1": ["c", "d|e"]}
    assert paths(rows, columns={"path": ["x", "y"]}, path_separator="|") == [["a", "b", "c"], ["d", "e"]]


def test_the_first_flag_that_is_set_names_the_category() -> None:
    rows: dict[str, list[str | None]] = {
        "path 0": ["0", "1", "TRUE", None, "0", "no"],
        "path 1": ["1", "1", "0", "1.0", "0", " yes "],
    }
    found = paths(rows, columns={"flags": {"is_drama": "drama", "is_comedy": "comedy"}})
    assert found == [["comedy"], ["drama"], ["drama"], ["comedy"], [None], ["comedy"]]


@pytest.mark.parametrize("columns", [{}, {"path": ["a"], "flags": {"b": "c"}}, {"path": []}])
def test_a_catalog_says_its_categories_in_one_way(columns: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="give either path or flags"):
        paths({}, columns=columns)
