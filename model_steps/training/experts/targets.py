"""What an expert is taught about one persona: probabilities of tags, as the questions of its answer (PAPER 1.4).

The paper writes a target set of a fixed size of 15 and pads it. Here the set is a distribution over the tag space: each
tag that came true has a fifteenth, and ``nothing`` what is left. An order of tags is then neither taught nor needed,
a tag's probability means the same for every persona, and an expert whose field sees nothing learns to say so. Of the
persona's own evidence it is also taught what counting expects (teacher.py).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from model_steps.agents.ranked_expert import NOTHING
from model_steps.engine.options import Node, Options

# Less than this is left of one only because of rounding.
ROUNDING = 1e-9


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
        personas: how many are taught.
    """

    tokens: tuple[int, ...]
    prompt_tokens: int
    parents: tuple[int, ...]
    depths: tuple[int, ...]
    questions: tuple[Question, ...]
    personas: int = 1


def target_shares(
    outcomes: Sequence[str],
    size: int,
    chance: random.Random,
    expected: Mapping[str, float] | None = None,
    weight: float = 0.0,
) -> dict[str, float]:
    """The target distribution of a persona.

    Args:
        outcomes: tags that came true, each once.
        size: of the paper's target sets (15); of more outcomes so many are drawn, of fewer the rest is ``nothing``.
        chance: draws them.
        expected: chances of some tags before anything came true.
        weight: of what was expected of these against what came true, 0 to 1.
    """
    known = sorted(outcomes)
    worth = dict.fromkeys(chance.sample(known, size) if len(known) > size else known, 1.0)
    for tag, likely in (expected or {}).items() if weight else ():
        worth[tag] = weight * likely + (1 - weight) * worth.get(tag, 0.0)
    whole = max(float(size), sum(worth.values()))
    shares = {tag: each / whole for tag, each in worth.items() if each > 0}
    if (rest := 1 - sum(shares.values())) > ROUNDING:
        shares[NOTHING] = rest
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


def packed(several: Sequence[Taught]) -> Taught:
    """Personas as one: what their prompts begin with stands there once, and each goes on as a branch of its own.

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
    number = sum(one.personas for one in several)
    return Taught(tuple(tokens), shared, tuple(parents), tuple(depths), tuple(questions), number)
