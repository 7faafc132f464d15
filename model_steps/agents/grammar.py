"""Pieces of EBNF grammars, the form that answers are held to (structured outputs)."""

from __future__ import annotations

from collections.abc import Iterable


def literal(text: str) -> str:
    """A text as a terminal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def one_of(texts: Iterable[str]) -> str:
    return " | ".join(literal(text) for text in texts)


def repeated(rule: str, separator: str, times: int) -> str:
    """A rule exactly so many times, separated."""
    return " ".join([rule] + [f"{literal(separator)} {rule}"] * (times - 1))
