"""The order of the waves for a chunk of users when agents are asked by rank (PAPER 1.4).

Personas are parted by code from the user's evidence. The planner names them, the experts rank the tag space, and the
pool is put in order by their probabilities, or by the arbiter's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from model_steps.agents import planner, prompt_files, ranked_arbiter, ranked_expert, ranked_planner, selection
from model_steps.agents.arbiter import ROLE as ARBITER
from model_steps.agents.hmas import Ask, Failed, Intents, User
from model_steps.agents.persona_evidence import of_ranked
from model_steps.agents.planner import Persona
from model_steps.agents.ranked_planner import Naming
from model_steps.agents.ranked_pool import Calibration, RankedTag, pool_of
from model_steps.agents.ranked_reasons import Reasons
from model_steps.agents.selection import Chosen, PoolTag
from model_steps.engine import ranking
from model_steps.engine.asking import Request
from model_steps.engine.options import Options, Tokenizes
from representation.catalog import CategoryVectors
from representation.evidence import CategoryEvidence, is_fresh
from settings import ExamplesSettings, InferenceSettings

log = logging.getLogger("intentflow")


@dataclass
class RankedStatistics:
    """What a run should report besides tokens."""

    experts_asked_again: int = 0
    tags_named: int = 0
    tags_in_pool: int = 0
    tags_not_fresh: int = 0


@dataclass(frozen=True)
class Shown:
    """What all prompts of a day share.

    Args:
        day: the last day of histories. signals: the environment as text. season: its season and holidays alone.
    """

    day: str
    signals: str
    season: str


@dataclass(frozen=True)
class Words:
    """The model's words without the model.

    Args:
        render: a system and a user message as a prompt that ends with a block. count: positions of a text in a prompt.
        answers: tokens of a whole answer.
    """

    render: Callable[[str, str], str]
    count: Callable[[str], int]
    answers: Tokenizes


@dataclass
class _Case:
    """A user under way.

    Args:
        own: the user's whole evidence. groups: of it, by persona. barred: tags that may not be named.
    """

    user: User
    own: list[CategoryEvidence]
    groups: list[tuple[CategoryEvidence, ...]]
    barred: frozenset[str]
    named: list[Naming] = field(default_factory=list)
    pool: list[RankedTag] = field(default_factory=list)
    reviewed: frozenset[str] = frozenset()
    failed: Failed | None = None

    @property
    def shown(self) -> set[str]:
        """Labels of what the experts see of the user."""
        return {one.label for group in self.groups for one in group}

    @property
    def asked(self) -> list[tuple[_Case, int]]:
        return [(self, number) for number in range(len(self.groups))]


class RankedHmas:
    """Planner, experts and arbiter over chunks of users, all asked by rank.

    Args:
        shape: personas, their categories and the tokens of their lines, as the experts' examples have them.
        ask: answers requests, from a cache or a model.
        calibration: of what the experts say; none: it is taken as it is.
    """

    def __init__(
        self,
        settings: InferenceSettings,
        shape: ExamplesSettings,
        ask: Ask,
        words: Words,
        catalog: CategoryVectors,
        shown: Shown,
        calibration: Calibration | None = None,
    ) -> None:
        self._settings, self._shape, self._ask = settings, shape, ask
        self._words, self._catalog, self._shown, self._calibration = words, catalog, shown, calibration
        self._tags = ranked_expert.tag_space(catalog.labels, words.answers)
        self.statistics = RankedStatistics()

    def run(self, users: Sequence[User]) -> tuple[list[Intents], list[Failed]]:
        """Intents or failure of each user of a chunk.

        Raises:
            InfrastructureError: the engine failed.
        """
        cases = [self._case(user) for user in users]
        for case in cases:
            if not case.groups:
                case.failed = Failed.without_evidence(case.user.user_id)
        self._name(_going(cases))
        self._rank(_going(cases))
        if self._settings.arbiter == "review":
            self._review(_going(cases))
        done = [self._intents(case) for case in _going(cases)]
        return done, [case.failed for case in cases if case.failed is not None]

    def prompt_with_context(self, history: str, task: str) -> str:
        """The planner's prompt: what is known of the user, and then the task (``Hmas.prompt_with_context``)."""
        system, frame = prompt_files.load("context")
        user = frame.substitute(profile_and_history=history, signals=self._shown.signals, task=task)
        return self._words.render(system, user)

    def _case(self, user: User) -> _Case:
        own = self._catalog.evidence_of(user.bought)
        groups = self._catalog.personas_of(own, self._shape.personas, self._shape.categories)
        stale = {one.label for one in own if self._settings.fresh_only and not is_fresh(one, self._shown.day)}
        return _Case(user, own, groups, frozenset(stale))

    def _name(self, cases: Sequence[_Case]) -> None:
        """Let the planner name the personas; where there is one true name alone, nobody is asked."""
        every = [pair for case in cases for pair in case.asked]
        known = [self._namings(case, number) for case, number in every]
        open_ones = [(pair, namings) for pair, namings in zip(every, known, strict=True) if len(namings) > 1]
        answers = iter(self._ask([self._plan_request(*pair, namings) for pair, namings in open_ones]))
        for (case, number), namings in zip(every, known, strict=True):
            said = [option for option, _ in ranking.read(next(answers).text)] if len(namings) > 1 else list(namings)
            taken = {naming.field for naming in case.named}
            case.named.append(ranked_planner.choose(said, namings, case.groups[number], taken))
        log.info(
            "Named %d personas of %d users; %d had one name alone.", len(every), len(cases), len(every) - len(open_ones)
        )

    def _namings(self, case: _Case, number: int) -> Mapping[str, Naming]:
        group = case.groups[number]
        return ranked_planner.namings(self._catalog.below(self._catalog.fields_of(group), group), self._shown.day)

    def _plan_request(self, case: _Case, number: int, namings: Mapping[str, Naming]) -> Request:
        options = Options(tuple(sorted(namings)), self._words.answers)
        prompt = self.prompt_with_context(case.user.history, ranked_planner.task(case.groups[number]))
        return Request.ranked(case.user.user_id, planner.ROLE, prompt, options, len(options.texts), case.user.entities)

    def _rank(self, cases: Sequence[_Case]) -> None:
        """Let the experts rank the tag space, and those of a pool that is too small once more, for more tags."""
        wanted = self._settings.tags
        self._fill_pools(cases, lambda case: self._settings.ranked_tags)
        short = [case for case in cases if len(case.pool) < wanted]
        if short:
            # One expert alone then names enough, "nothing" and what may not be named counted in.
            self.statistics.experts_asked_again += sum(len(case.groups) for case in short)
            self._fill_pools(short, lambda case: wanted + len(case.barred) + 1)
        for case in short:
            if len(case.pool) < wanted:
                reason = f"the experts named {len(case.pool)} tags, and {wanted} are needed"
                case.failed = Failed(case.user.user_id, reason, 2)
        self.statistics.tags_in_pool += sum(len(case.pool) for case in cases)
        log.info("%d experts named tags for %d users.", sum(len(case.groups) for case in cases), len(cases))

    def _fill_pools(self, cases: Sequence[_Case], most: Callable[[_Case], int]) -> None:
        asked = [pair for case in cases for pair in case.asked]
        answers = self._ask([self._expert_request(case, number, most(case)) for case, number in asked])
        rankings: dict[str, list[list[tuple[str, float]]]] = {}
        for (case, _), answer in zip(asked, answers, strict=True):
            said = ranking.read(answer.text)
            self.statistics.tags_named += len(said)
            self.statistics.tags_not_fresh += sum(label in case.barred for label, _ in said)
            rankings.setdefault(case.user.user_id, []).append(said)
        for case in cases:
            case.pool = pool_of(rankings[case.user.user_id], case.barred, case.shown, self._calibration)

    def _expert_request(self, case: _Case, number: int, most: int) -> Request:
        group = case.groups[number]
        # As in training: the most frequent level above, whatever the planner says, so that experts wait for nobody.
        name = self._catalog.names_of(self._catalog.rows(group))[0]
        profile = ranked_expert.profile_line(case.user.attributes)
        system, user = ranked_expert.messages(
            name, group, self._shown.day, self._shown.season, profile, self._words.count, self._shape.tokens
        )
        prompt = self._words.render(system, user)
        return Request.ranked(case.user.user_id, ranked_expert.ROLE, prompt, self._tags, most)

    def _review(self, cases: Sequence[_Case]) -> None:
        """Let the arbiter rank the first tags of each pool; the others follow as they were."""
        answers = self._ask([self._arbiter_request(case) for case in cases])
        for case, answer in zip(cases, answers, strict=True):
            place = {label: number for number, (label, _) in enumerate(ranking.read(answer.text))}
            case.reviewed = frozenset(place)
            case.pool.sort(key=lambda tag: place.get(tag.label, len(place)))

    def _arbiter_request(self, case: _Case) -> Request:
        pool = [tag.label for tag in case.pool[: self._settings.review_pool]]
        # What experts saw and no more, as in training.
        own = {one.label: one for group in case.groups for one in group}
        profile = ranked_expert.profile_line(case.user.attributes)
        prompt = self._words.render(*ranked_arbiter.messages(pool, own, self._shown.day, self._shown.season, profile))
        return Request.ranked(
            case.user.user_id, ARBITER, prompt, Options(tuple(sorted(pool)), self._words.answers), len(pool)
        )

    def _intents(self, case: _Case) -> Intents:
        reasons = Reasons(self._catalog, case.own, self._shown.day)
        chosen = []
        for tag in case.pool[: self._settings.tags]:
            category = self._category_of(tag.label, case.own)
            why = reasons.why(case.named[tag.expert].need, category, case.groups[tag.expert])
            chosen_by = selection.ARBITER if tag.label in case.reviewed else selection.PROBABILITY
            chosen.append(Chosen(PoolTag(tag.label, tag.expert), chosen_by, category, why))
        personas = tuple(Persona(f"{naming.field} expert", naming.need, ()) for naming in case.named)
        return Intents(case.user.user_id, personas, tuple(chosen), tuple(map(of_ranked, case.groups)))

    def _category_of(self, label: str, own: Sequence[CategoryEvidence]) -> str:
        """The category of a tag; of several under one label the user's own most certain one."""
        bought = next((one.category for one in own if one.label == label), None)
        return bought or self._catalog.category_of[label]


def _going(cases: Sequence[_Case]) -> list[_Case]:
    return [case for case in cases if case.failed is None]
