"""Text of a log as data in a prompt: it can neither end its block nor start a turn of the conversation."""

from __future__ import annotations

import re
import unicodedata

from representation.cleaning import visible

# Whatever a chat template or our own prompts could take for structure: <|...|>, tags, [INST], fences, headings.
_IMITATIONS = re.compile(
    r"<\|[^\n]{0,40}?\|>|<\|+|\|+>"
    r"|</?\s*(?:context|pool|persona|s|system|user|assistant|think|tool_call)\s*/?>"
    r"|\[/?\s*(?:INST|SYS)\s*\]|<</?SYS>>|`{3,}|~{3,}|#{2,}|-{3,}|={3,}|<\s*/",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


def delimit(text: str, maximum: int = 120) -> str:
    """One harmless line of at most ``maximum`` characters.

    Control, zero-width and bidirectional characters go; so does everything that imitates a delimiter, again and
    again until nothing is left that a removal put together.
    """
    head = unicodedata.normalize("NFKC", text[: maximum * 8])
    return _SPACE.sub(" ", _without_imitations(visible(head))).strip()[:maximum].rstrip()


def delimit_block(text: str, maximum_line: int = 100_000) -> str:
    """The same for text of several lines whose line breaks are ours."""
    return "\n".join(delimit(line, maximum_line) for line in text.split("\n"))


def _without_imitations(text: str) -> str:
    while (cleaned := _IMITATIONS.sub(" ", text)) != text:
        text = cleaned
    return text
