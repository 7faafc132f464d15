"""What raters gave to the same items, as positions among the classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from runtime.errors import DataError, UsageError

# One an item, None where the rater gave none.
Labels = Sequence[str | None]
Codes = npt.NDArray[np.int64]
NONE_GIVEN = -1


def codes(labels: Labels, items: int, classes: Sequence[str], who: str) -> Codes:
    """Each label's position among the classes, ``NONE_GIVEN`` where there is none.

    Args:
        labels: of one rater.
        items: how many there are to be labelled.
        classes: all that a label can be.
        who: the rater, for a sentence.

    Raises:
        DataError: a label is no class, or there are not as many as items.
        UsageError: a class is named twice.
    """
    positions: dict[str | None, int] = {name: at for at, name in enumerate(classes)}
    if len(positions) != len(classes):
        raise UsageError(f"Of the classes {', '.join(classes)}, one is named twice: name each once.")
    if len(labels) != items:
        raise DataError(f"There are {items:,} items, and {len(labels):,} labels of {who}: give one an item, or None.")
    positions[None] = NONE_GIVEN
    for item, label in enumerate(labels):
        if label not in positions:
            raise DataError(
                f"The label {label!r} that {who} gave to item {item} (the first is 0) is none of {', '.join(classes)}: "
                "correct it, or give None where there is none."
            )
    return np.array([positions[label] for label in labels], dtype=np.int64)
