"""The catalog's tables from a source's raw items and attributes: items, entities, profiles. Pure functions."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from representation.cleaning import entity_id, normalize_text
from schemas import entities, items, profiles
from spark_jobs.landing.new_names import refuse_new_names
from spark_jobs.landing.pseudonyms import pseudonymize
from spark_jobs.landing.sources.source import ITEMS

log = logging.getLogger("intentflow")

# Broken rows of each kind that the log names.
TOLD_ROWS = 5
PATH_SEPARATOR = " > "


def build_items(raw: pa.Table, maximum_text: int) -> pa.Table:
    """``schemas.items`` from ``sources.source.ITEMS``; of several usable rows of one item the first stays."""
    usable = _with_names(raw, maximum_text).filter(pl.col("broken").is_null())
    built = usable.unique("item", keep="first", maintain_order=True)
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


def _with_names(raw: pa.Table, maximum_text: int) -> pl.DataFrame:
    """``ITEMS`` with normalized texts, category and path, and in ``broken`` why a row is no item, null where it is."""
    frame = pl.DataFrame(pl.from_arrow(raw)).with_row_index("row")
    texts = {text: normalize_text(text, maximum_text) for text in frame["text"].drop_nulls().unique().to_list()}
    categories = _categories(frame.select("row", "path"), maximum_text)
    named = frame.with_columns(text=pl.col("text").replace_strict(texts, return_dtype=pl.String, default="")).join(
        categories, on="row", how="left", maintain_order="left"
    )
    reasons = (
        ("unreadable", pl.col("problem").is_not_null()),
        ("missing_item", pl.col("item").is_null()),
        ("missing_text", pl.col("text") == ""),
        ("missing_category", pl.col("category").is_null()),
    )
    return named.with_columns(broken=pl.coalesce(pl.when(broken).then(pl.lit(reason)) for reason, broken in reasons))


def count_items(raw: pa.Table, maximum_text: int) -> dict[str, int]:
    """What became of the catalog's rows, for the manifest; the broken ones are named in the log.

    ``rows``; ``unreadable``, ``missing_item``, ``missing_text``, ``missing_category``: those that are no item;
    ``repeated``: equal to an earlier one; ``contradictory``: of an item that an earlier row says something else of.
    """
    named = _with_names(raw, maximum_text)
    counts = {"rows": named.height}
    for reason, rows in named.drop_nulls("broken").group_by("broken", maintain_order=True):
        counts[str(reason[0])] = rows.height
        shown = rows["problem"].drop_nulls().to_list() or rows["item"].drop_nulls().to_list() or ["no row has an id"]
        log.warning("%s rows of the catalog are %s: %s.", f"{rows.height:,}", reason[0], ", ".join(shown[:TOLD_ROWS]))
    usable = named.filter(pl.col("broken").is_null())
    told = usable.with_columns(pl.col("path").list.join(PATH_SEPARATOR)).select(
        "item", "text", "category_path", "brand"
    )
    different = told.unique()
    counts["repeated"] = told.height - different.height
    counts["contradictory"] = different.height - different["item"].n_unique()
    return counts


def with_items_that_left(built: pa.Table, before: pa.Table) -> pa.Table:
    """A new catalog and, as they last were, the items that it no longer has: what users did with them still counts.

    Both are ``schemas.items``.
    """
    left = before.filter(pc.invert(pc.is_in(before["item_id"], built["item_id"].combine_chunks())))
    return pa.concat_tables([built, left])


def current_items(
    raw: pa.Table, before: pa.Table, maximum_text: int, root: str, force: bool = False
) -> tuple[pa.Table, dict[str, int]]:
    """The items that a lake has once a catalog is landed, as ``schemas.items``, and what became of the catalog's rows.

    Args:
        raw: of the source. before: the lake's. root: its address. force: whatever the items are called now.

    Raises:
        ConfigurationError: the catalog has new names for what the lake holds, and nobody forces it.
    """
    built = build_items(raw, maximum_text)
    if not force and before.num_rows:
        refuse_new_names(before, built, root)
    merged = with_items_that_left(built, before)
    return merged, {**count_items(raw, maximum_text), "left": merged.num_rows - built.num_rows}


def unlisted_entity(category: str, maximum_text: int) -> str:
    """The entity that all items are which no catalog ever had."""
    return entity_id("item", normalize_text(category, maximum_text))


def unlisted_items(item_ids: Sequence[str], category: str, maximum_text: int) -> pa.Table:
    """``schemas.items`` of items that no catalog ever had: all are called like their category."""
    rows = [{"item": item, "text": category, "path": [category]} for item in sorted(set(item_ids))]
    return build_items(pa.Table.from_pylist(rows, ITEMS), maximum_text)


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
