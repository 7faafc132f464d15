"""The pairs that the explainer's training learns of and is validated by, read from a lake."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from lake.delta import tables
from lake.registry.splits import SplitRule, next_day
from lake.store.location import Lake
from model_steps.agents.inputs import read_contexts
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.embedding.embedder import Embedder
from model_steps.engine.chat import Chat
from model_steps.explaining.candidates import bought_lately, candidates
from model_steps.explaining.captions import Pair
from model_steps.explaining.explainer import Shop
from model_steps.explaining.reading import read_shop
from model_steps.training.captions.encoding import Encodes
from model_steps.training.captions.example import CaptionExample, OwnOptions
from model_steps.training.captions.judged import nobody_answers
from model_steps.training.captions.validation import CaptionValidation
from model_steps.training.captions.wanted import Wanted, by_category, one_each
from model_steps.training.experts import personas
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import digest
from runtime.progress import Progress
from schemas import contexts
from settings import Settings

log = logging.getLogger("intentflow")

# Wanted for each pair that is needed: some categories have no item, some items nothing good to say.
MORE = 2
# Pairs whose captions are judged together.
TOGETHER = 64


@dataclass(frozen=True)
class Sizes:
    """How much is read.

    Args:
        pairs: of train users. items: that validation users are shown. readers: of each, at most. seed: of all draws.
    """

    pairs: int
    items: int
    readers: int
    seed: int


@dataclass(frozen=True)
class CaptionMaterial:
    """Pairs of some training days.

    Args:
        days: training days. learnt: pairs of train users, in their order. validated: of each item the readers.
        judge: name of what judged their captions.
    """

    days: tuple[str, ...]
    learnt: Sequence[CaptionExample]
    validated: dict[str, list[CaptionExample]]
    judge: str
    settings: Settings

    @classmethod
    def read(
        cls, lake: Lake, rule: SplitRule, days: Sequence[str], sizes: Sizes, settings: Settings
    ) -> CaptionMaterial:
        """Read pairs of days, or without any of the newest one that the split allows.

        The users are those of ``examples``, under the same guards; their histories are those of ``contexts``.

        Raises:
            SourceMissing: a day has no examples, there is no catalog, or no caption judge.
            DataError: an example touches the holdout, or there is no pair to learn of or to be validated by.
            ConfigurationError: the judge asks the language model.
        """
        days = tuple(days) or rule.training_days(settings.source.first_day.isoformat())[:1]
        if not days:
            raise UsageError("The log is too short for a training day: name one with --day.")
        rows = personas.read_days(lake, days)
        personas.refuse_leaks(rows, rule)
        train = personas.stable_order(row for row in rows if row["split"] == "train")
        wanted = one_each(train[: MORE * sizes.pairs], sizes.seed)
        newest = [row for row in rows if row["split"] == "validation" and row["day"] == max(days)]
        shown = by_category(newest, MORE * sizes.items, sizes.readers)
        ready = ReadyCaptionJudge.of(settings)
        if (standing := ready.standing(max(days))).state != "valid":
            log.warning("The caption judge that captions are rewarded by is not calibrated: %s", standing.reason)
        reading = _Reading(lake, settings, ready, sizes.seed)
        validated = reading.validated(shown, sizes.items)
        taken = {one.prompt for readers in validated.values() for one in readers}
        learnt = reading.learnt(wanted, sizes.pairs, taken)
        if not learnt or not validated:
            raise DataError(
                f"Of {len(rows)} examples of {', '.join(days)}, {len(learnt)} pairs can be learnt of and "
                f"{len(validated)} items be validated by: name days with more users, or see "
                "whether the catalog has items that get captions; with another language model than that of the caption "
                "judge's exam, lower INTENTFLOW_CAPTION_JUDGE__LEAST_LIKELIHOOD."
            )
        return cls(days, learnt, validated, ready.judged_by.name, settings)

    @cached_property
    def spaces(self) -> OwnOptions:
        """What captions of all pairs are drawn from."""
        return OwnOptions([*self.learnt, *(one for readers in self.validated.values() for one in readers)])

    @property
    def validation(self) -> CaptionValidation:
        """What chooses the step."""
        return CaptionValidation(self.validated, self.settings.explanations.caption_temperature)

    @property
    def trained_until(self) -> str:
        """The day at whose 00:00 UTC all histories had ended."""
        return next_day(max(self.days))

    @property
    def digest(self) -> str:
        """Of all that is learnt and validated by: prompts, options, and what they are worth."""
        every = [*self.learnt, *(one for readers in self.validated.values() for one in readers)]
        return digest([[one.key, one.prompt, sorted(one.alignment.items())] for one in every])


class _Reading:
    """Makes pairs of what is wanted, day by day."""

    def __init__(self, lake: Lake, settings: Settings, ready: ReadyCaptionJudge, seed: int) -> None:
        self._lake, self._settings, self._ready, self._seed = lake, settings, ready, seed
        self._embedder, self._chat = Embedder(settings.embedder.model), Chat(settings.engine.model)

    def learnt(self, wanted: Sequence[Wanted], most: int, taken: Iterable[Any]) -> list[CaptionExample]:
        """The first pairs, no two with one prompt and none with one that is taken; items that were bought lately are
        passed over, as in serving."""
        days = self._settings.explanations.not_bought_days
        found, seen = list[CaptionExample](), set(taken)
        progress = Progress(most, "pairs judged", every_seconds=20)
        for one in self._examples(wanted, days):
            if one.prompt not in seen:
                seen.add(one.prompt)
                found.append(one)
                progress.advance()
            if len(found) == most:
                break
        return found

    def validated(self, shown: dict[str, list[Wanted]], most: int) -> dict[str, list[CaptionExample]]:
        """The first items with two readers at least, whoever of them bought it."""
        every = self._examples([one for readers in shown.values() for one in readers], 0)
        by_item: dict[str, list[CaptionExample]] = {}
        seen = set()
        for one in every:
            if one.prompt not in seen:
                seen.add(one.prompt)
                by_item.setdefault(one.item_id, []).append(one)
        return dict(islice(((item, readers) for item, readers in by_item.items() if len(readers) > 1), most))

    def _examples(self, wanted: Sequence[Wanted], not_bought_days: int) -> Iterable[CaptionExample]:
        for day in sorted({one.day for one in wanted}, reverse=True):
            own = [one for one in wanted if one.day == day]
            shop = read_shop(self._lake, day, self._embedder, {one.tag.category for one in own})
            encodes = Encodes(
                shop, self._chat, self._ready.judge(shop.lexicon, nobody_answers), self._settings, self._seed
            )
            pairs = iter(self._pairs(own, shop, not_bought_days))
            while some := list(islice(pairs, TOGETHER)):
                yield from encodes.examples(some)

    def _pairs(self, wanted: Sequence[Wanted], shop: Shop, not_bought_days: int) -> Iterable[Pair]:
        known = tables.read(self._lake, contexts.TABLE, shop.day, columns=["user_id"])["user_id"].to_pylist()
        users = sorted({one.user_id for one in wanted} & set(known))
        if not users:
            raise SourceMissing(
                f"The table contexts in {self._lake.root} has none of the users that captions of {shop.day} are learnt "
                f"of: make them with `python -m spark_jobs.compress --day {shop.day}`, audit and publish them."
            )
        people = dict(zip(users, read_contexts(self._lake, shop.day, users), strict=True))
        texts = sorted({one.tag.text for one in wanted})
        vectors = dict(zip(texts, self._embedder.embed(texts), strict=True))
        for one in (one for one in wanted if one.user_id in people):
            context = people[one.user_id]
            barred = bought_lately(context, shop.day, not_bought_days)
            for candidate in candidates((one.tag,), vectors, shop.shelf, barred, 1, 1):
                yield Pair.of(context, candidate, self._settings.explanations)
