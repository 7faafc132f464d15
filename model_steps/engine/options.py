"""A closed set of answers, as a trie over the model's tokens: what a ranking chooses from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from runtime.errors import DataError
from runtime.fingerprint import digest

# Tokens of an answer as it follows a prompt's end, its end-of-turn the last of them (Chat.answer_tokens).
Tokenizes = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Node:
    """A place where options part, or an option's end.

    Args:
        path: tokens from the prompt's end to here; where only one token could follow, it is among them, since its
            probability is one.
        children: the nodes behind each token that may follow, two at least; none at an option's end.
        option: the text that ends here; none where options part.
    """

    path: tuple[int, ...]
    children: dict[int, Node] = field(default_factory=dict)
    option: str | None = None


@dataclass(frozen=True)
class Options:
    """Texts of which a ranking gives the most probable ones.

    An option ends with a token of its own, so that `corn` and `corn oil` are two. Probabilities are renormalized over
    the tokens that may follow, so that those of all options sum to one.

    Args:
        texts: the options; their order means nothing.
        tokenizes: gives an answer's tokens, its end among them.

    Raises:
        DataError: there is none, one is empty, or one stands twice.
    """

    texts: tuple[str, ...]
    tokenizes: Tokenizes = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.texts:
            raise DataError("There are no options to choose from: give one text at least.")
        if not all(text.strip() for text in self.texts):
            raise DataError("An option to choose from has no text: leave it out.")
        text, times = Counter(self.texts).most_common(1)[0]
        if times > 1:
            raise DataError(f"The option {text!r} stands {times} times among those to choose from: give it once.")

    @cached_property
    def digest(self) -> str:
        """Digest of the texts, for an answer's key."""
        return digest(sorted(self.texts))

    def among(self, texts: Iterable[str]) -> Options:
        """Other texts for the same model."""
        return Options(tuple(sorted(texts)), self.tokenizes)

    @cached_property
    def root(self) -> Node:
        """The trie, made when the first question is not in the answer cache.

        Raises:
            DataError: the model's tokens are the same for two options.
        """
        return _node((), sorted((tuple(self.tokenizes(text)), text) for text in self.texts))

    @cached_property
    def parting_nodes(self) -> int:
        """Nodes with children: the most steps that one ranking can take."""
        return sum(node.option is None for node in nodes(self.root))


def nodes(root: Node) -> Iterator[Node]:
    """All nodes of a trie, each before its children."""
    yield root
    for child in root.children.values():
        yield from nodes(child)


def _node(path: tuple[int, ...], answers: Sequence[tuple[tuple[int, ...], str]]) -> Node:
    """The node that all of the answers go through, which are sorted by their tokens."""
    (first, option), (last, other) = answers[0], answers[-1]
    if first == last:
        if len(answers) > 1:
            raise DataError(f"The model's tokens do not tell the options {option!r} and {other!r} apart: drop one.")
        return Node(first, option=option)
    # What the first and the last share, all share.
    depth = len(path)
    while depth < min(len(first), len(last)) and first[depth] == last[depth]:
        depth += 1
    if depth == len(first):
        raise DataError(f"The model's tokens of the option {option!r} begin another: it has no end of its own.")
    following: dict[int, list[tuple[tuple[int, ...], str]]] = {}
    for tokens, text in answers:
        following.setdefault(tokens[depth], []).append((tokens, text))
    children = {token: _node(tokens[0][0][: depth + 1], tokens) for token, tokens in following.items()}
    return Node(first[:depth], children)
