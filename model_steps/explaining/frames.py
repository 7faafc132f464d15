"""The closed form of captions: written frames, filled with an item's own attributes, chosen by the model.

A small model writes poor English; here it chooses the sentence and the attributes, and can say nothing that the item
has not. Pure functions.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from model_steps.explaining.item import Item
from model_steps.explaining.lexicon import SLOT_KINDS
from model_steps.explaining.styles import Style
from model_steps.explaining.surroundings import Surroundings

FILE = Path(__file__).with_name("frames.toml")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Frame:
    """A sentence with slots.

    Args:
        known: whether it is for who bought such things before; None: for everybody.
    """

    text: str
    rhetoric: str
    tones: tuple[str, ...]
    known: bool | None = None

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(_SLOT.findall(self.text))


@cache
def declared() -> tuple[Frame, ...]:
    """The frames of the file."""
    rows = tomllib.loads(FILE.read_text())["frame"]
    return tuple(Frame(row["text"], row["rhetoric"], tuple(row["tones"]), row.get("known")) for row in rows)


def slots(item: Item, style: Style | None, surroundings: Surroundings) -> dict[str, tuple[str, ...]]:
    """What each slot may be filled with; a slot that nothing fills is left out.

    Args:
        style: where it names a season or a holiday, this alone may be said; none: whatever the day has.
    """
    what = item.what or ""
    filled: dict[str, tuple[str, ...]] = {
        "what": (what,),
        "What": (what[:1].upper() + what[1:],),
        "size": item.sizes,
        "brand": (item.maker,) if item.maker else (),
        **{kind: item.values(kind) for kind in SLOT_KINDS},
        "season": (surroundings.season,) if surroundings.season else (),
        "holiday": surroundings.holidays,
    }
    if style is not None:
        filled |= {part: tuple(one for one in filled[part] if one == style.season) for part in ("season", "holiday")}
    return {slot: values for slot, values in filled.items() if any(values)}


def offered(style: Style | None, known: bool, filled: Sequence[str]) -> tuple[Frame, ...]:
    """The frames that a caption may be, in the file's order: those of the style's tone or rhetoric, or all.

    A style that names a season or a holiday has those of it among them whatever their tone.

    Args:
        known: whether the user bought such things before. filled: slots that something fills.
    """

    def fits(frame: Frame) -> bool:
        if not frame.slots <= set(filled) or frame.known not in (None, known):
            return False
        if style is None or frame.slots & {"season", "holiday"}:
            return True
        return style.tone in frame.tones or style.rhetoric == frame.rhetoric

    return tuple(frame for frame in declared() if fits(frame))


def captions(frames: Sequence[Frame], filled: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """All sentences that the frames come to, each once, sorted; a slot that comes twice has one value."""
    found: set[str] = set()
    for frame in frames:
        slots_of = sorted(frame.slots)
        for values in product(*(filled[slot] for slot in slots_of)):
            found.add(frame.text.format_map(dict(zip(slots_of, values, strict=True))))
    return tuple(sorted(found))
