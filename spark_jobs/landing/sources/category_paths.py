"""An item's categories, from department to leaf, whichever way its catalog has them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from spark_jobs.landing.sources.description import Items

# What a flag that is set is written as.
YES = ("1", "1.0", "true", "yes", "y", "t", "x")


def category_path(names: Sequence[str], items: Items) -> pl.Expr:
    """The path as a list of texts.

    Args:
        names: of columns of text, a level each; or a flag each, of which the first that is set names the category.
    """
    columns = [pl.col(name) for name in names]
    if items.columns.flags:
        categories = zip(columns, items.columns.flags.values(), strict=True)
        set_ = (pl.when(flag.str.strip_chars().str.to_lowercase().is_in(YES)).then(pl.lit(c)) for flag, c in categories)
        return pl.concat_list(pl.coalesce(*set_))
    if items.path_separator is None:
        return pl.concat_list(columns)
    # A level that is missing is none of the path, and no reason for there being no path at all.
    return pl.concat_list(column.str.split(items.path_separator).fill_null([]) for column in columns)
