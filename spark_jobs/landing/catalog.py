"""The catalog's tables from a source's raw items and attributes: items, entities, profiles. Pure functions."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from representation.cleaning import entity_id, normalize_text
from schemas import entities, items, profiles
from spark_jobs.landing.pseudonyms import pseudonymize

PATH_SEPARATOR = " > "


def build_items(raw: pa.Table, maximum_text: int) -> pa.Table:
    """``schemas.items`` from ``sources.source.ITEMS``; of several rows of one item the first stays."""
    frame = pl.DataFrame(pl.from_arrow(raw)).unique("item", keep="first", maintain_order=True).with_row_index("row")
    texts = {text: normalize_text(text, maximum_text) for text in frame["text"].drop_nulls().unique().to_list()}
    built = (
        frame.with_columns(text=pl.col("text").replace_strict(texts, return_dtype=pl.String, default=""))
        .filter(pl.col("text") != "")
        .join(_categories(frame.select("row", "path"), maximum_text), on="row", maintain_order="left")
    )
    ids = {text: entity_id("item", text) for text in built["text"].unique().to_list()}
    return (
        built.select(
            item_id=pl.col("item"),
            entity_id=pl.col("text").replace_strict(ids, return_dtype=pl.String),
            text="text",
            category="category",
            category_path="category_path",
            brand=pl.col("brand"),
        )
        .to_arrow()
        .cast(items.TABLE.schema)
    )


def _categories(paths: pl.DataFrame, maximum_text: int) -> pl.DataFrame:
    """The leaf of each row's path and the whole path as text; a row whose path names nothing has none.

    Args:
        paths: row, path (names from department to leaf, null where a level is missing).
        maximum_text: characters kept of a name.
    """
    levels = paths.explode("path").drop_nulls("path")
    names = {name: normalize_text(name, maximum_text) for name in levels["path"].unique().to_list()}
    return (
        levels.with_columns(level=pl.col("path").replace_strict(names, return_dtype=pl.String))
        .filter(pl.col("level") != "")
        .group_by("row", maintain_order=True)
        .agg(category=pl.col("level").last(), category_path=pl.col("level").str.join(PATH_SEPARATOR))
    )


def build_entities(catalog: pa.Table) -> pa.Table:
    """``schemas.entities`` of a catalog: one row a distinct text, and one a category."""
    frame = pl.DataFrame(pl.from_arrow(catalog))
    texts = frame.sort("entity_id", "category_path").unique("entity_id", keep="first", maintain_order=True)
    of_items = texts.select("entity_id", "text", pl.lit("item").alias("kind"), "category", "category_path")
    # A leaf that hangs under several paths is described by the one that most items have.
    leaves = (
        frame.group_by("category", "category_path")
        .len()
        .sort("category", "len", "category_path", descending=[False, True, False])
        .unique("category", keep="first", maintain_order=True)
        .with_columns(
            text=pl.col("category_path").str.split(PATH_SEPARATOR).list.reverse().list.head(2).list.join(", ")
        )
    )
    of_categories = leaves.select(
        pl.Series("entity_id", [entity_id("category", name) for name in leaves["category"]], pl.String),
        "text",
        pl.lit("category").alias("kind"),
        "category",
        "category_path",
    )
    return pl.concat([of_items, of_categories]).to_arrow().cast(entities.TABLE.schema)


def build_profiles(raw: pa.Table, key: bytes, maximum_text: int) -> pa.Table:
    """``schemas.profiles`` from ``sources.source.ATTRIBUTES``."""
    frame = pl.DataFrame(pl.from_arrow(raw.append_column("user_id", pseudonymize(key, raw["user"])))).with_columns(
        value=pl.col("value").map_elements(lambda v: normalize_text(v, maximum_text), pl.String)
    )
    grouped = (
        frame.filter(pl.col("value") != "")
        .sort("user_id", "name")
        .group_by("user_id", maintain_order=True)
        .agg(attributes=pl.struct("name", "value"))
    )
    return grouped.to_arrow().cast(profiles.TABLE.schema)
