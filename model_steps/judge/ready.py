"""A judge ready for the outputs of a day: the shop as its evaluators see it, its cache, and chunks of users in turn."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lake.registry.releases import DOCUMENT
from lake.store.location import Lake
from model_steps.agents import inputs
from model_steps.agents.population import chunks_of
from model_steps.embedding.embedder import Embedder
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.chat import Chat
from model_steps.engine.start import StartsModel
from model_steps.engine.vllm_engine import engine_name
from model_steps.judge import day_inputs, shipped
from model_steps.judge.case import Case
from model_steps.judge.catalog_facts import CatalogFacts
from model_steps.judge.counting import told
from model_steps.judge.customers import read_catalog_facts
from model_steps.judge.declared import declared_rules
from model_steps.judge.evaluators import Asking, Rule
from model_steps.judge.judge_release import Judge, choose_judge
from model_steps.judge.judging import Guard, judge
from model_steps.judge.reviewer import Verdict
from model_steps.judge.shop import Shop
from model_steps.judge.verdicts import Row
from runtime.errors import InfrastructureError
from runtime.fingerprint import code_of
from runtime.progress import Progress
from settings import Settings

ENGINE = "model_steps.engine.vllm_engine"


@dataclass(frozen=True)
class ReadyJudge:
    """A judge and what it judges by.

    Args:
        lake: has the day's contexts and signals, and the catalog.
        settings: of inference those that the outputs were made with.
        facts: of the catalog, for rules and for counting.
    """

    lake: Lake
    day: str
    settings: Settings
    judged_by: Judge
    shop: Shop
    facts: CatalogFacts

    @classmethod
    def of(cls, lake: Lake, day: str, settings: Settings, judged_by: Judge) -> ReadyJudge:
        """Read the shop as of a day.

        Raises:
            SourceMissing: the catalog is not embedded, or the day has no contexts.
        """
        embedder = Embedder(settings.embedder.model).name
        categories = inputs.read_categories(lake, embedder)
        shop = day_inputs.shop_of(categories, day_inputs.read_texts(lake), day_inputs.read_buyers(lake, day))
        return cls(lake, day, settings, judged_by, shop, read_catalog_facts(lake, embedder))

    def cases(self, outputs: Sequence[Row]) -> list[Case]:
        """Rows of ``intents`` as cases, in their order."""
        return day_inputs.read_cases(self.lake, self.day, outputs, self.shop)

    def cache(self, kept: Lake, users: Sequence[str], start: StartsModel) -> AnswerCache:
        """Answers of this judge, by what was asked and by the code that asks the engine.

        Args:
            kept: the lake that has them, and gets new ones.
        """
        engine = f"{engine_name(self.settings.engine)}/{code_of(ENGINE).digest}"
        return AnswerCache(kept, users, self.day, self.judged_by.name, engine, partial(start, None))

    def shown(self, cases: Sequence[Case]) -> Shop:
        """The shop as evaluators see it, with what the judge's counting expects of cases, where it brings any."""
        counting = self.judged_by.counting
        if counting is None or not self.settings.judge.expected:
            return self.shop
        return told(self.shop, counting.chances(cases, self.facts, {self.day: self.shop.buyers}))

    def judge(
        self,
        cases: Sequence[Case],
        cache: AnswerCache,
        rules: Mapping[str, Rule] | None = None,
        guard: Guard | None = None,
        until: float = math.inf,
    ) -> list[Verdict]:
        """Verdicts in the order of the cases, chunk by chunk of users; answers of a chunk are kept when it is done.

        Args:
            rules: dimensions that can be computed (default: all, over this lake's catalog).
            guard: notices attacks (default: what is none of this shop's outputs).
            until: the moment, by the monotonic clock, after which no chunk is begun.

        Raises:
            ConfigurationError: the settings want what this judge does not have.
            InfrastructureError: the engine failed, or the moment came before the last chunk.
        """
        chat, settings = Chat(self.settings.engine.model), self.settings.judge
        asking = Asking(self.shown(cases), settings, chat.render, chat.count, chat.answer_tokens)
        guard = guard or day_inputs.guard_of(self.shop, self.settings.inference)
        rules = declared_rules(self.facts) if rules is None else rules
        by_user: dict[str, list[Case]] = {}
        for case in cases:
            by_user.setdefault(case.customer.user_id, []).append(case)
        progress = Progress(len(by_user), "users", every_seconds=0)
        verdicts: list[Verdict] = []
        for chunk in chunks_of(list(by_user.values()), settings.chunk_users):
            if time.monotonic() > until:
                raise InfrastructureError(
                    f"Judging took longer than {settings.time_limit_seconds:g} s, with {len(verdicts)} of "
                    f"{len(cases)} tags judged: run it again, for answers are kept, or raise "
                    "INTENTFLOW_JUDGE__TIME_LIMIT_SECONDS, or lower INTENTFLOW_JUDGE__SAMPLE_USERS."
                )
            cache.begin_chunk()
            verdicts += judge([case for own in chunk for case in own], cache.ask, asking, rules, guard)
            cache.end_chunk()
            progress.advance(len(chunk))
        return verdicts


def judge_named(lake: Lake, asked: str | None, settings: Settings) -> Judge:
    """The judge that is asked for, else the shipped one, else the untuned model; a folder's judge is put on the lake.

    Args:
        asked: a release's folder, or its name on the lake.

    Raises:
        UsageError, DataError: it is no release, no judge, or one of another language model or other prompts.
    """
    if asked is None or (Path(asked) / DOCUMENT).is_file():
        folder = settings.judge.release if asked is None else Path(asked)
        asked = None if folder is None else shipped.give(lake, folder)
    return choose_judge(lake, asked, settings.engine.model)
