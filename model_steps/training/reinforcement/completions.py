"""Lists of options as completions of tokens, and back: each as its answer is written, one after another.

An expert's options are the tags, behind whatever prompt; a caption's are those of its own prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from model_steps.agents.ranked_expert import NOTHING
from model_steps.engine.options import Node, Options
from runtime.errors import ConfigurationError, DataError


class Spaces(Protocol):
    """What lists behind prompts are drawn from."""

    def of(self, prompt: Sequence[int]) -> Completions:
        """The completions behind a prompt, given as its tokens."""
        ...


class Completions:
    """The completions of a tag space, behind whatever prompt.

    A tag's answer ends with a token of its own and is no other's beginning (``Options``), so a completion reads in one
    way.

    Args:
        options: the tag space with ``nothing``. size: tags of a list.
        nothing: the option that is none of a list's; none: there is no such one.

    Raises:
        ConfigurationError: there are fewer tags than a list has.
    """

    def __init__(self, options: Options, size: int, nothing: str | None = NOTHING) -> None:
        tags = set(options.texts) - {nothing}
        if len(tags) < size:
            raise ConfigurationError(
                f"A list has {size} tags, and the catalog {len(tags)} categories: lower INTENTFLOW_REINFORCEMENT__TAGS."
            )
        self.options, self.size, self.nothing = options, size, nothing
        self._tag_of = {tuple(options.tokenizes(tag)): tag for tag in tags}
        self._tokens_of = {tag: tokens for tokens, tag in self._tag_of.items()}

    def of(self, prompt: Sequence[int]) -> Completions:
        """These, behind any prompt."""
        return self

    def tokens(self, tags: Sequence[str]) -> list[int]:
        """A list as a completion."""
        return [token for tag in tags for token in self._tokens_of[tag]]

    def ends(self, tags: Sequence[str]) -> list[int]:
        """Where in the completion each tag's last token stands."""
        found, at = [], -1
        for tag in tags:
            at += len(self._tokens_of[tag])
            found.append(at)
        return found

    def tags(self, tokens: Sequence[int]) -> list[str]:
        """The tags of a completion.

        Raises:
            DataError: it is none.
        """
        found, start = [], 0
        for end in range(1, len(tokens) + 1):
            if (tag := self._tag_of.get(tuple(tokens[start:end]))) is not None:
                found.append(tag)
                start = end
        if start != len(tokens):
            raise DataError("A completion holds tokens that are no tag of the catalog.")
        return found

    @cache  # noqa: B019 - one object a training
    def steps(self, option: str) -> tuple[tuple[Node, int], ...]:
        """The nodes at which an option is decided, each with the place of the child that leads to it."""
        tokens, node, found = tuple(self.options.tokenizes(option)), self.options.root, []
        while node.option is None:
            token = tokens[len(node.path)]
            found.append((node, list(node.children).index(token)))
            node = node.children[token]
        return tuple(found)
