"""What is measured of validation users at every checkpoint: the lists that are served, and those that are drawn.

Elsewhere reinforcement raised what comes first and lowered the rest, so besides recall it is measured how much of the
catalog is still named. HR@30 is not: outcomes are a set here, and which of them came next is not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_steps.agents.ranked_expert import NOTHING
from model_steps.engine.options import Options
from model_steps.training.experts.personas import PersonaExample
from model_steps.training.experts.validation import MOST_A_PERSONA, Ranking, pooled, shares_of
from model_steps.training.lora.taught import Taught
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement.completions import Completions
from model_steps.training.reinforcement.rollouts import draw_lists
from model_steps.training.reinforcement.scoring import Scoring
from model_steps.training.reinforcement.shaping import Combine, Shaped, Thresholds, shape, told
from runtime.progress import Progress

LENGTHS = (5, 10, 30)
# Users whose drawn lists are rewarded: alignment is expensive, and recall needs no lists.
DRAWN = 12


def narrowing(users: Sequence[Sequence[Ranking]], tags: int) -> dict[str, float]:
    """How much of the catalog is named.

    Args:
        users: rankings of each one's personas. tags: of the catalog.

    Returns:
        ``distinct``: different tags that a user's experts name, averaged. ``coverage``: share of the catalog's tags
        that are among any user's first 30. ``entropy``: of a user's shares of named tags, in nats, averaged.
        ``nothing``: share that experts give to nothing, averaged over personas.
    """
    shares = [shares_of(rankings) for rankings in users]
    firsts = {tag for rankings in users for tag in pooled(rankings)[: max(LENGTHS)]}
    nothing = [math.exp(worth) for rankings in users for one in rankings for tag, worth in one if tag == NOTHING]
    personas = sum(len(rankings) for rankings in users)
    return {
        "distinct": sum(map(len, shares)) / len(shares),
        "coverage": len(firsts) / tags,
        "entropy": sum(_entropy(list(own.values())) for own in shares) / len(shares),
        "nothing": sum(nothing) / personas,
    }


def recalls(users: Sequence[tuple[Sequence[Ranking], set[str]]]) -> dict[str, float]:
    """Share of a user's outcomes among the first 5, 10 and 30 tags, averaged over the users who have any.

    Args:
        users: rankings of each one's personas, and the outcomes.
    """
    found: dict[str, float] = {}
    known = [(pooled(rankings), wanted) for rankings, wanted in users if wanted]
    for length in LENGTHS:
        shares = [len(wanted & set(order[:length])) / len(wanted) for order, wanted in known]
        found[f"recall_{length}"] = sum(shares) / len(shares) if shares else 0.0
    return found


def _entropy(shares: Sequence[float]) -> float:
    whole = sum(shares)
    return -sum(share / whole * math.log(share / whole) for share in shares if share > 0) if whole else 0.0


@dataclass(frozen=True)
class Validation:
    """Measures experts on validation users.

    Args:
        users: the personas of each. targets: of SFT, for its cross-entropy.
        seed: of the lists that are drawn, one a persona with outcomes of the first users.
    """

    users: Mapping[str, Sequence[PersonaExample]]
    targets: Sequence[Taught]
    options: Options
    completions: Completions
    scoring: Scoring
    seed: int

    def figures(self, model: TunedModel, thresholds: Thresholds, combine: Combine) -> dict[str, float]:
        """All figures of the experts as they are.

        Args:
            thresholds, combine: by which drawn lists are rewarded.

        Returns:
            Those of ``recalls`` and ``narrowing``, ``cross_entropy`` as of SFT, and ``drawn/...`` of ``shaping.told``.
        """
        served: list[tuple[list[Ranking], set[str]]] = []
        shaped: list[Shaped] = []
        progress = Progress(len(self.users), "users validated", every_seconds=20)
        for personas in self.users.values():
            prompts = [one.prompt for one in personas]
            rankings: list[Ranking] = list(model.rank_all(prompts, self.options, MOST_A_PERSONA))
            served.append((rankings, {tag for one in personas for tag in one.outcomes}))
            known = [one for one in personas if one.outcomes] if len(served) <= DRAWN else []
            if known:
                lists, _ = draw_lists(model, self.completions, known, 1, f"validation/{self.seed}")
                for one, own in zip(known, lists, strict=True):
                    shaped += [shape(parts, thresholds, combine) for parts in self.scoring.parts(one, own)]
            progress.advance()
        tags = len(self.options.texts) - 1
        drawn = {f"drawn/{name}": value for name, value in told([[one] for one in shaped]).items() if name != "dead"}
        reward = [one.reward for one in shaped if one.reward is not None]
        if reward:
            drawn["drawn/reward"] = sum(reward) / len(reward)
        return {
            **recalls(served),
            **narrowing([rankings for rankings, _ in served], tags),
            "cross_entropy": model.cross_entropy(self.targets),
            **drawn,
        }
