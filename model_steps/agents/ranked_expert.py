"""An expert asked by rank: persona with its evidence in, the most probable tags of the tag space out (PAPER 1.4).

The tag space is the catalog's categories as prompts show them, so a tag's category is certain; and one more option,
``NOTHING``: an expert whose field will see nothing says so, which weighs its persona. Pure functions, the same for
training and inference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from model_steps.agents import prompt_files
from model_steps.agents.data_text import delimit, delimit_block
from model_steps.engine.options import Options, Tokenizes
from representation.evidence import FIELDS, CategoryEvidence, lines

ROLE = "expert"
NOTHING = "nothing"


def messages(
    field: str,
    evidence: Sequence[CategoryEvidence],
    day: str,
    season: str,
    profile: str,
    count: Callable[[str], int],
    tokens: int,
) -> tuple[str, str]:
    """System and user message of one persona.

    What all customers of a week share comes first, then the customer's profile, then the persona's own, so that the
    cache holds as much of a prompt as can be.

    Args:
        field: the persona's name.
        evidence: its group of categories.
        day: the last day of the history.
        season: season and holidays as of the day's week, a line a kind.
        profile: the customer's attributes as one line, or nothing.
        count: tokens of a text.
        tokens: that the evidence's lines may have together.
    """
    system, user = prompt_files.load("ranked_expert")
    shown = delimit_block("\n".join(lines(evidence, day, count, tokens)))
    about = "\n".join(part for part in (delimit_block(season), delimit_block(profile)) if part)
    return system, user.substitute(about=about, field=delimit(field), fields=FIELDS, evidence=shown)


def profile_line(attributes: Iterable[tuple[str, str]]) -> str:
    """Attributes as one line; nothing where there are none."""
    pairs = ", ".join(f"{name} {value}" for name, value in attributes)
    return f"customer: {pairs}" if pairs else ""


def tag_space(labels: Iterable[str], tokenizes: Tokenizes) -> Options:
    """What experts choose from: the labels, each once, and ``NOTHING``."""
    return Options((*sorted(set(labels) - {NOTHING}), NOTHING), tokenizes)
