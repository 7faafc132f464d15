"""What an expert is taught about one persona: probabilities of tags, as the questions of its answer (PAPER 1.4).

The paper writes a target set of a fixed size of 15 and pads it. Here the set is a distribution over the tag space: each
tag that came true has a fifteenth, and ``nothing`` what is left. An order of tags is then neither taught nor needed,
a tag's probability means the same for every persona, and an expert whose field sees nothing learns to say so. Of the
persona's own evidence it is also taught what counting expects (teacher.py).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from model_steps.agents.ranked_expert import NOTHING

# Less than this is left of one only because of rounding.
ROUNDING = 1e-9


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
