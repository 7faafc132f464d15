"""A caption judge from its folder, with its standing: what a step or a reward begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lake.registry.judge_records import Standing
from model_steps.caption_judge import record as records
from model_steps.caption_judge.asking import Questions
from model_steps.caption_judge.combination import Combination
from model_steps.caption_judge.decides import decides
from model_steps.caption_judge.judging import Ask, CaptionJudge
from model_steps.caption_judge.likelihood import Likelihood
from model_steps.caption_judge.record import CaptionRecord
from model_steps.engine.chat import Chat
from model_steps.engine.model_digest import model_digest
from model_steps.explaining.lexicon import Lexicon
from settings import Settings


@dataclass(frozen=True)
class ReadyCaptionJudge:
    """A judge, its record and the settings that it judges by."""

    judged_by: Combination
    record: CaptionRecord | None
    settings: Settings

    @classmethod
    def of(cls, settings: Settings) -> ReadyCaptionJudge:
        """The judge of the settings' folder.

        Raises:
            SourceMissing: there is none. DataError: it or its record was changed.
        """
        folder = settings.caption_judge.release
        return cls(records.read_judge(folder), records.read_record(folder), settings)

    def standing(self, day: str) -> Standing:
        """Whether it may judge as of a day of the log."""
        own = self.settings.caption_judge
        return records.standing(
            self.record,
            self.judged_by.name,
            model_digest(self.settings.engine.model),
            decides(own, self.settings.explanations),
            day,
            own.valid_days,
            own.minimum_kappa,
        )

    def judge(
        self,
        lexicon: Lexicon,
        ask: Ask,
        begin: Callable[[], object] = lambda: None,
        done: Callable[[], object] = lambda: None,
    ) -> CaptionJudge:
        """What gives verdicts.

        Args:
            lexicon: of the shop (``explainer.Shop``). ask: answers requests, such as ``AnswerCache.ask``, which must
                know the captions' customers as its users. begin, done: around each chunk, such as its
                ``begin_chunk`` and ``end_chunk``.
        """
        chat = Chat(self.settings.engine.model)
        questions = Questions(chat.render, chat.answer_tokens)
        own, explanations = self.settings.caption_judge, self.settings.explanations
        likely = Likelihood(self.settings.engine.model)
        return CaptionJudge(self.judged_by, lexicon, own, explanations, questions, ask, likely, begin, done)
