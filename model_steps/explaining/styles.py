"""Style synthesis: g = f_meta(U, I, S), tone, audience, rhetoric, feeling and season (PAPER 1.5). Pure functions."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from model_steps.agents.data_text import delimit
from model_steps.agents.grammar import literal, one_of
from model_steps.explaining import prompt_files
from model_steps.explaining.item import Item
from model_steps.explaining.surroundings import Surroundings
from runtime.fingerprint import digest
from schemas.explanations import STYLE_PARTS

TOKENS = 120
FILE = Path(__file__).with_name("styles.toml")


@dataclass(frozen=True)
class Style:
    """g: what a caption is written in."""

    tone: str
    audience: str
    rhetoric: str
    feeling: str
    season: str

    @property
    def line(self) -> str:
        """As the explainer's prompt shows it."""
        return "; ".join(f"{part}: {value}" for part, value in asdict(self).items())


@cache
def declared() -> Mapping[str, tuple[str, ...]]:
    """The values of the parts that are the same on all days."""
    return {part: tuple(values) for part, values in tomllib.loads(FILE.read_text()).items()}


def values(surroundings: Surroundings) -> dict[str, tuple[str, ...]]:
    """What each part of a style may be on a day."""
    return {**declared(), "season": surroundings.seasons}


def messages(segment: str, item: Item, surroundings: Surroundings) -> tuple[str, str]:
    """System and user message: what all of a day share first, then the segment, then the item.

    The values of each part are in an order that follows from the key: a small model likes what is named first, and
    would choose one style for everybody.
    """
    system, user = prompt_files.load(prompt_files.STYLIST)
    key = key_of(segment, item, surroundings)
    offered = {
        part: ", ".join(sorted(found, key=lambda value: digest([key, part, value])))
        for part, found in values(surroundings).items()
    }
    return system, user.substitute(
        signals=surroundings.lines, segment=delimit(segment, 200), item=facts_text(item.attributes), **offered
    )


def facts_text(facts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in facts)


def grammar(surroundings: Surroundings) -> str:
    """A JSON object of the five parts in their order, each of closed values."""
    fields = [f"{literal(json.dumps(part) + ': ')} {part}" for part in STYLE_PARTS]
    rules = [
        f"{part} ::= {one_of(json.dumps(value) for value in found)}" for part, found in values(surroundings).items()
    ]
    comma = literal(", ")
    return "\n".join([f"root ::= {literal('{')} {f' {comma} '.join(fields)} {literal('}')}", *rules, ""])


def parse(text: str, surroundings: Surroundings) -> Style | None:
    """The style of an answer; None where it is none of the closed values."""
    try:
        said = json.loads(text)
        style = Style(**said)
    except (ValueError, TypeError):
        return None
    allowed = values(surroundings)
    return style if all(getattr(style, part) in allowed[part] for part in STYLE_PARTS) else None


def key_of(segment: str, item: Item, surroundings: Surroundings) -> str:
    """What a style is reused by: the segment, the item's attributes and the signals (PAPER 1.5), all that it is asked
    with."""
    return digest([segment, item.attributes_digest, surroundings.lines])
