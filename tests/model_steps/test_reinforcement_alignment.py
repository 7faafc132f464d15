"""Tags as cases that a reward model scores: in the words that the persona's expert would publish, and each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from model_steps.engine.chat import Chat
from model_steps.judge.customers import People
from model_steps.training.experts.personas import PersonaExample
from model_steps.training.reinforcement.alignment import Alignment
from settings import JudgeSettings, load_settings
from tests.model_steps.foreign_models import build
from tests.model_steps.judge_shop import DAY, catalog_facts, customer
from tests.model_steps.tiny_reward import COUNTING


@dataclass(frozen=True)
class Scored:
    scores: Sequence[float]
    tokens_shared: int
    tokens_alone: int


class Lengths:
    """Scores a candidate by how many tokens it has."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.asked: list[int] = []
        self.odds: list[Sequence[float]] = []

    def score(
        self,
        prompt: Sequence[int],
        candidates: Sequence[Sequence[int]],
        odds: Sequence[float] = (),
        *,
        shared: bool = True,
    ) -> Scored:
        self.asked.append(len(candidates))
        self.odds.append(odds)
        return Scored([(len(prompt) + len(each)) / 10_000 for each in candidates], 1, 1)


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Chat:
    folder: Path = build("qwen", tmp_path_factory.mktemp("qwen"))
    return Chat(folder)


def of(chat: Chat) -> tuple[Alignment, Lengths]:
    people = {DAY: People(DAY, {"ann": customer(user="ann"), "bare": customer((), "bare")}, {"white milk": 0.5})}
    scorer = Lengths(chat)
    return Alignment(scorer, COUNTING, chat, catalog_facts(), people, JudgeSettings(), load_settings()), scorer


def persona(user: str = "ann", number: int = 0, day: str = DAY) -> PersonaExample:
    return PersonaExample(user, day, number, "train", (1, 2), ("white milk",))


def test_a_tag_is_scored_once_for_a_persona(chat: Chat) -> None:
    alignment, scorer = of(chat)
    first = alignment.scores(persona(), ["white milk", "yogurt", "white milk"])
    assert first[0] == first[2] != first[1]
    assert all(score is not None and 0 < score < 1 for score in first)
    assert alignment.scores(persona(), ["yogurt", "white bread"])[0] == first[1]
    # Two tags together, and then the one that is new.
    assert scorer.asked == [2, 1]
    # What was bought on many days is expected the more (`white milk` before `yogurt`, which was never bought).
    milk, yogurt = scorer.odds[0]
    assert milk > yogurt


def test_whom_the_judge_would_not_know_is_not_scored(chat: Chat) -> None:
    alignment, scorer = of(chat)
    strangers = [persona("nobody"), persona("bare"), persona(day="2017-01-01"), persona(number=7)]
    assert [alignment.scores(one, ["yogurt"]) for one in strangers] == [[None]] * 4
    assert scorer.asked == []
