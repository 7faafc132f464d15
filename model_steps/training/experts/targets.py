"""What an expert is taught about one persona: probabilities of tags, as the questions of its answer (PAPER 1.4).

The paper writes a target set of a fixed size of 15 and pads it. Here the set is a distribution over the tag space: each
tag that came true has a fifteenth, and ``nothing`` what is left. An order of tags is then neither taught nor needed,
a tag's probability means the same for every persona, and an expert whose field sees nothing learns to say so.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_steps.agents.ranked_expert import NOTHING
from model_steps.engine.options import Node, Options


@dataclass(frozen=True)
class Question:
    """Which of a node's children comes next.

    Args:
        position: in the encoded tokens, of the token that the question stands behind.
        node: where options part.
        shares: probability of each child, in their order.
    """

    position: int
    node: Node
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Taught:
    """A prompt with all its targets behind it, as branches of one tree.

    Args:
        tokens: the prompt's, then the branches'.
        prompt_tokens: how many of them are the prompt's.
        parents: for each branch token the position that it follows.
        depths: for each branch token how far behind the prompt's end it stands, from 1.
        questions: all that the loss asks.
    """

    tokens: tuple[int, ...]
    prompt_tokens: int
    parents: tuple[int, ...]
    depths: tuple[int, ...]
    questions: tuple[Question, ...]


def target_shares(outcomes: Sequence[str], size: int, chance: random.Random) -> dict[str, float]:
    """The target distribution of a persona.

    Args:
        outcomes: tags that came true, each once.
        size: of the paper's target sets (15); of more outcomes so many are drawn, of fewer the rest is ``nothing``.
        chance: draws them.
    """
    known = sorted(outcomes)
    chosen = chance.sample(known, size) if len(known) > size else known
    shares = dict.fromkeys(chosen, 1 / size)
    if len(chosen) < size:
        shares[NOTHING] = (size - len(chosen)) / size
    return shares


def teach(prompt: Sequence[int], shares: Mapping[str, float], options: Options) -> Taught:
    """Lay out a prompt and its target distribution.

    Args:
        prompt: its tokens.
        shares: probability of each tag that has any; all are options.
        options: the tag space.
    """
    tokens, parents, depths = list(prompt), list[int](), list[int]()
    questions: list[Question] = []
    place: dict[tuple[int, ...], int] = {(): len(prompt) - 1}
    answers = [(tuple(options.tokenizes(tag)), share) for tag, share in sorted(shares.items())]

    def visit(node: Node, through: Sequence[tuple[tuple[int, ...], float]]) -> None:
        for depth in range(1, len(node.path) + 1):
            path = node.path[:depth]
            if path not in place:
                place[path] = len(tokens)
                tokens.append(path[-1])
                parents.append(place[path[:-1]])
                depths.append(depth)
        following: dict[int, list[tuple[tuple[int, ...], float]]] = {}
        for answer, share in through:
            following.setdefault(answer[len(node.path)], []).append((answer, share))
        children = tuple(sum(share for _, share in following.get(token, ())) for token in node.children)
        questions.append(Question(place[node.path], node, children))
        for token, some in following.items():
            child = node.children[token]
            if child.option is None:
                visit(child, some)

    visit(options.root, answers)
    return Taught(tuple(tokens), len(prompt), tuple(parents), tuple(depths), tuple(questions))
