"""A lake keeps its names: a catalog that calls most categories otherwise is not landed into it unasked.

Days of before would keep the old texts beside the new ones, and a frozen holdout, a trained adaptor and published
intents name categories that were no longer there. A shop that renames some, or adds and drops them, is no case of this;
nor is one whose items leave the catalog, for they keep their category.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from runtime.errors import ConfigurationError

# Of the lake's categories, the share that may be gone from the catalog that is to be landed.
MOST_GONE = 0.5


def refuse_new_names(landed: pa.Table, built: pa.Table, root: str) -> None:
    """See that a catalog keeps most of a lake's categories.

    Args:
        landed: columns ``item_id`` and ``category`` of the lake's ``items``; those still in the catalog are looked at.
        built: the same of those that are to be landed.
        root: address of the lake, for the sentence.

    Raises:
        ConfigurationError: more than ``MOST_GONE`` of them are gone.
    """
    still = landed.filter(pc.is_in(landed["item_id"], built["item_id"].combine_chunks()))
    before, after = (set(table["category"].drop_null().to_pylist()) for table in (still, built))
    gone = sorted(before - after)
    if len(gone) > MOST_GONE * len(before):
        raise ConfigurationError(
            f"{len(gone):,} of the {len(before):,} categories of the lake {root} are not in the catalog ({gone[0]!r} "
            "is the first): it has new names for them, and what was landed, frozen and learnt has the old ones. The "
            "demo log's abbreviations go on with INTENTFLOW_SOURCE__READABLE_LABELS=false; otherwise begin another "
            "lake (docs/own_log.md), or land all days again with --force."
        )
