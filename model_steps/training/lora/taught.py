"""A prompt with the answers that are taught behind it, as a tree: only where answers part is a question of the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

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
        examples: how many are taught: personas of experts, outputs of judges.
    """

    tokens: tuple[int, ...]
    prompt_tokens: int
    parents: tuple[int, ...]
    depths: tuple[int, ...]
    questions: tuple[Question, ...]
    examples: int = 1


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


def packed(several: Sequence[Taught]) -> Taught:
    """Several prompts as one: what they begin with stands there once, and each goes on as a branch of its own.

    Args:
        several: each with a prompt of its own; the prompts differ before any of them ends.
    """
    if len(several) == 1:
        return several[0]
    together = zip(*(one.tokens[: one.prompt_tokens - 1] for one in several), strict=False)
    shared = sum(1 for _ in takewhile(lambda tokens: len(set(tokens)) == 1, together))
    tokens, parents, depths = list(several[0].tokens[:shared]), list[int](), list[int]()
    questions: list[Question] = []
    for one in several:
        moved = len(tokens) - shared
        place = [*range(shared), *(position + moved for position in range(shared, len(one.tokens)))]
        tokens += one.tokens[shared:]
        own = one.prompt_tokens - shared
        parents += [place[position - 1] for position in range(shared, one.prompt_tokens)]
        parents += [place[parent] for parent in one.parents]
        depths += [*range(1, own + 1), *(own + depth for depth in one.depths)]
        questions += [replace(each, position=place[each.position]) for each in one.questions]
    number = sum(one.examples for one in several)
    return Taught(tuple(tokens), shared, tuple(parents), tuple(depths), tuple(questions), number)
