"""Which captions a judge of captions learns from, is chosen by, and is examined on: parted by item and by customer.

Items are parted by their category: two sizes of one cereal say the same. A caption belongs to a split when both its
item and its customer do, so no split knows another's. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from model_steps.caption_judge.case import CaptionCase
from runtime.errors import DataError
from runtime.fingerprint import digest

TRAIN, CALIBRATION, TEST = "train", "calibration", "test"
SPLITS = (TRAIN, CALIBRATION, TEST)
# Of twenty parts.
_TRAIN_PARTS, _CALIBRATION_PARTS, _PARTS = 8, 4, 20


def split_of(name: str) -> str:
    """The split of a category or of a customer, by a stable hash of its name."""
    part = int(digest(["caption split", name])[:8], 16) % _PARTS
    if part < _TRAIN_PARTS:
        return TRAIN
    return CALIBRATION if part < _TRAIN_PARTS + _CALIBRATION_PARTS else TEST


def refuse_shared(cases: Iterable[tuple[CaptionCase, str]]) -> None:
    """Refuse a labelled set in which two splits share an item, a category or a customer.

    Args:
        cases: with the split that each is said to be of.

    Raises:
        DataError: they do; the sentence names what is shared.
    """
    seen: dict[tuple[str, str], str] = {}
    for case, split in cases:
        if split not in SPLITS:
            raise DataError(f"The caption {case.case_id} is of the split {split!r}: write one of {', '.join(SPLITS)}.")
        item, customer = case.item, case.reader.name
        for kind, name in (
            ("item", item.item_id),
            ("text", item.text),
            ("category", item.category),
            ("customer", customer),
        ):
            before = seen.setdefault((kind, name), split)
            if before != split:
                raise DataError(
                    f"The {kind} {name!r} is in the splits {before} and {split}: a judge would be examined on what it "
                    "learnt. Draw the set anew, or take one of the two out."
                )
