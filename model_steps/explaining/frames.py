"""The closed form of captions: written frames, filled with an item's own attributes, chosen by the model.

A small model writes poor English; here it chooses the sentence and the attributes, and can say nothing that the item
has not. What a style says is said: its tone or rhetoric by the frame, its audience, feeling and season in the slots.
Pure functions.
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
# Parts of a style that a frame says in words of its own.
SAID = ("audience", "feeling")
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
        """Names of the slots, in small letters."""
        return frozenset(slot.lower() for slot in _SLOT.findall(self.text))

    @property
    def tells(self) -> frozenset[str]:
        """What it tells beside the item's name and the style: slots of the item's attributes and of the day."""
        return self.slots - {"what", *SAID}

    def filled(self, values: Mapping[str, str]) -> str:
        """The sentence.

        Args:
            values: of its slots, and maybe of others. A slot with a capital letter begins a sentence.
        """
        capital = {slot.capitalize(): value[:1].upper() + value[1:] for slot, value in values.items()}
        return self.text.format_map({**values, **capital})


@cache
def declared() -> tuple[Frame, ...]:
    """The frames of the file."""
    rows = tomllib.loads(FILE.read_text())["frame"]
    return tuple(Frame(row["text"], row["rhetoric"], tuple(row["tones"]), row.get("known")) for row in rows)


@cache
def said() -> Mapping[str, Mapping[str, str]]:
    """How the values of a style's audience and feeling are said, by part."""
    content = tomllib.loads(FILE.read_text())
    return {part: dict(content[part]) for part in SAID}


def slots(item: Item, style: Style | None, surroundings: Surroundings) -> dict[str, tuple[str, ...]]:
    """What each slot may be filled with; a slot that nothing fills is left out.

    Args:
        style: its audience and feeling are said, and of seasons and holidays its own; none: any audience and feeling,
            and whatever the day has.
    """
    filled: dict[str, tuple[str, ...]] = {
        "what": (item.what or "",),
        "size": item.sizes,
        "brand": (item.maker,) if item.maker else (),
        **{kind: item.values(kind) for kind in SLOT_KINDS},
        "season": (surroundings.season,) if surroundings.season else (),
        "holiday": surroundings.holidays,
    }
    if style is not None:
        filled |= {part: tuple(one for one in filled[part] if one == style.season) for part in ("season", "holiday")}
    for part, phrases in said().items():
        filled[part] = (phrases[getattr(style, part)],) if style else tuple(phrases.values())
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
        if style is None or frame.tells & {"season", "holiday"}:
            return True
        return style.tone in frame.tones or style.rhetoric == frame.rhetoric

    return tuple(frame for frame in declared() if fits(frame))


def captions(frames: Sequence[Frame], filled: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """All sentences that the frames come to, each once, sorted; a slot that comes twice has one value."""
    found: set[str] = set()
    for frame in frames:
        slots_of = sorted(frame.slots)
        for values in product(*(filled[slot] for slot in slots_of)):
            found.add(frame.filled(dict(zip(slots_of, values, strict=True))))
    return tuple(sorted(found))
