"""What is measured of validation users at every checkpoint: the captions that would be served, by their shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from model_steps.training.captions import spread
from model_steps.training.captions.example import CaptionExample
from model_steps.training.captions.spread import Shares
from model_steps.training.lora.taught import Taught, teach
from model_steps.training.lora.tuned_model import TunedModel
from model_steps.training.reinforcement.shaping import Combine, Thresholds
from runtime.progress import Progress

DIVERSITY, QUALITY = "diversity", "quality"


def target(one: CaptionExample, captions: Sequence[str]) -> Taught:
    """A pair's prompt with some captions, each as likely as the others: what is not among them loses its share."""
    return teach(one.prompt, dict.fromkeys(captions, 1 / len(captions)), one.options)


@dataclass(frozen=True)
class CaptionValidation:
    """Measures the explainer on validation users.

    Args:
        items: the readers of each item. temperature: that captions are drawn with.
    """

    items: Mapping[str, Sequence[CaptionExample]]
    temperature: float

    def figures(
        self, model: TunedModel, thresholds: Thresholds | None = None, combine: Combine | None = None
    ) -> dict[str, float]:
        """All figures of the explainer as it is, each exact for the pairs that are validated.

        Returns:
            ``diversity`` as the benchmark has it, and ``distinct`` captions an item, both averaged over items;
            ``quality``, the share that is good, ``alignment``, mean R_align, and ``entropy`` in nats over pairs.
        """
        progress = Progress(len(self.items), "items validated", every_seconds=20)
        by_item, pairs = [], list[tuple[CaptionExample, Shares]]()
        for readers in self.items.values():
            shares = shares_of(model, readers, self.temperature)
            by_item.append(shares)
            pairs += zip(readers, shares, strict=True)
            progress.advance()
        apart = [value for shares in by_item if (value := spread.diversity(shares)) is not None]
        return {
            DIVERSITY: _mean(apart),
            "distinct": _mean([spread.distinct(shares) for shares in by_item]),
            QUALITY: _mean([spread.expected(shares, {c: float(v > 0) for c, v in one.alignment.items()})
                            for one, shares in pairs]),
            "alignment": _mean([spread.expected(shares, one.alignment) for one, shares in pairs]),
            "entropy": _mean([spread.entropy(shares) for _, shares in pairs]),
        }  # fmt: skip

    @cached_property
    def targets(self) -> list[Taught]:
        """The good captions of all pairs, as cross-entropy is measured by them."""
        return [target(one, one.good) for readers in self.items.values() for one in readers]

    def of_tuning(self, model: TunedModel) -> Callable[[], dict[str, float]]:
        """``figures`` with the cross-entropy that stops SFT."""
        return lambda: {**self.figures(model), "cross_entropy": model.cross_entropy(self.targets)}


def shares_of(model: TunedModel, examples: Sequence[CaptionExample], temperature: float) -> list[dict[str, float]]:
    """Probability of each caption of some pairs."""
    asked = [(one.prompt, one.options) for one in examples]
    most = max(len(one.options.texts) for one in examples)
    ranked = model.rank_each(asked, most, temperature)
    return [{caption: math.exp(worth) for caption, worth in ranking} for ranking in ranked]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
