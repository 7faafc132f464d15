"""What an exam is made of, read from a lake: labels of held-out users, their cases, and the shop as judges see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from lake.delta import tables
from lake.registry.judge_records import FULL
from lake.registry.splits import SplitRule, add_days
from lake.store.location import Lake
from model_steps.engine.chat import Chat
from model_steps.judge.case import KIND, Case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.counting import Counting, told
from model_steps.judge.customers import read_cases, read_catalog_facts
from model_steps.judge.day_inputs import guard_of, read_texts
from model_steps.judge.declared import declared_rules
from model_steps.judge.evaluators import Asking
from model_steps.judge.exam import examined
from model_steps.judge.exam.attacked import Attacked
from model_steps.judge.exam.examiners import Examiners
from model_steps.judge.exam.people import people
from model_steps.judge.exam.run import Exam
from model_steps.judge.features import Popularity
from model_steps.judge.shop import Shop, levels_of
from model_steps.judge.vocabulary import words_of
from runtime.errors import DataError
from runtime.fingerprint import bytes_digest, digest
from schemas import behaviors
from schemas.judge_labels import TABLE
from settings import Settings

if TYPE_CHECKING:
    from model_steps.agents.hmas import Ask
    from model_steps.judge.exam.figures import Figures


@dataclass(frozen=True)
class Material:
    """An exam, and what judges it asks.

    Args:
        chances: by item, the chance by counting that it is bought, of canaries too; none without counting.
        popularity: by day, the share of customers that bought from a category.
        people: what is known of people's labels.
        data: digests of all that was read, by name.
        day: the newest day of the log that a label rests on.
    """

    settings: Settings
    exam: Exam
    facts: CatalogFacts
    shop: Shop
    chances: Mapping[str, float] | None
    popularity: Mapping[str, Popularity]
    people: Figures
    data: Mapping[str, str]
    day: str

    @classmethod
    def read(
        cls,
        lake: Lake,
        rule: SplitRule,
        preset: str,
        seeds: Sequence[int],
        settings: Settings,
        counting: Counting | None,
    ) -> Material:
        """Read a lake.

        Args:
            rule: who is held out. preset: ``full`` or ``small``. seeds: of the canaries, given at run time.
            counting: of the judge.

        Raises:
            DataError: there are no labels of held-out users, none of real outputs, or none of them has a tier.
            SourceMissing: a day of a history is not rolled up, or the catalog is not embedded.
        """
        chosen = settings.judge_exam
        sizes = chosen.full if preset == FULL else chosen.small
        wanted = [("split", "=", "holdout"), ("kind", "=", KIND)]
        rows = pl.DataFrame(pl.from_arrow(tables.read(lake, TABLE, filters=wanted)))
        outputs = examined.draw(rows, rule, sizes, chosen.seed)
        facts = read_catalog_facts(lake)
        cases, popularity = read_cases(lake, outputs.rows.to_dicts(), rule, facts.vectors, settings)
        built, real = examined.examined(outputs, cases, settings.judge.threshold)
        if not built or not real:
            raise DataError(
                f"Of the drawn outputs {len(built)} built ones and {len(real)} real ones have labels enough for a "
                "tier, and both are wanted: build labels of more users with `python -m model_steps.build_judge_labels`."
            )
        paths = tuple(levels_of(path, label) for path, label in zip(facts.paths, facts.vectors.labels, strict=True))
        shop = Shop(facts.vectors, paths, read_texts(lake))
        known = {word for label in facts.vectors.labels for word in words_of(label)}
        originals = [one.case for one in real]
        attacked = Attacked.of(originals, seeds, sizes.canaries, known, guard_of(shop, settings.inference))
        exam = Exam(built, real, attacked, sizes, chosen)
        asked = [one.case for one in exam.all]
        chances = None if counting is None else counting.chances(asked, facts, popularity)
        if chances is not None:
            # An attack changes words; what counting knows of the customer is what it was.
            chances |= {one.case.item_id: chances[one.original.item_id] for one in attacked.canaries}
        data = {
            "labels": digest(outputs.rows.select(*TABLE.key, "label", "split").sort(TABLE.key).rows()),
            "cases": _digest_of(asked),
            "canaries": digest([one.case.item_id for one in attacked.canaries]),
            "popularity": digest({day: dict(of_day) for day, of_day in popularity.items()}),
            "catalog": digest([facts.vectors.names, shop.paths, bytes_digest(facts.vectors.vectors.tobytes())]),
            "texts": digest(shop.texts.texts),
            "split_rule": rule.digest,
            "exam": digest([sizes.model_dump(), chosen.seed, chosen.resamples, list(seeds)]),
        }
        day = _newest_day(lake, [case.customer.day for case in asked], settings.judge_labels.outcome_days)
        return cls(settings, exam, facts, shop, chances, popularity, people(rows), data, day)

    def examiners(self, ask: Ask) -> Examiners:
        """The judges.

        Args:
            ask: answers requests.
        """
        judge, chat = self.settings.judge, Chat(self.settings.engine.model)
        shop = self.shop if self.chances is None or not judge.expected else told(self.shop, self.chances)
        asking = {
            day: Asking(replace(shop, buyers=_shown(of_day)), judge, chat.render, chat.count, chat.answer_tokens)
            for day, of_day in self.popularity.items()
        }
        guard = guard_of(self.shop, self.settings.inference)
        return Examiners(ask, asking, declared_rules(self.facts), guard, self.chances)


def _shown(popularity: Popularity) -> dict[str, float]:
    """To three places, as a day's prompts have it."""
    return {category: round(share, 3) for category, share in popularity.items()}


def _digest_of(cases: Sequence[Case]) -> str:
    """Of all that judges are shown of cases; a customer is written down once."""
    customers = {case.customer: "" for case in cases}
    customers = {customer: digest(asdict(customer)) for customer in customers}
    return digest(
        [
            [case.item_id, case.text, case.category, case.persona, case.why, customers[case.customer]]
            for case in sorted(cases, key=lambda one: one.item_id)
        ]
    )


def _newest_day(lake: Lake, days: Sequence[str], outcome_days: int) -> str:
    """The newest day that the outcomes of some days reach, within what is landed."""
    reached = add_days(max(days), outcome_days)
    return min([reached, max(tables.published_days(lake, behaviors.TABLE), default=reached)])
