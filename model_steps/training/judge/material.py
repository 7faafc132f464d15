"""What a training of the judge learns and is validated by, read from a lake's labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from evaluation.labels import items, merge, tiers
from lake.delta import tables
from lake.registry.splits import SplitRule, TrainingWindow, add_days, drawn, next_day
from lake.store.location import Lake
from model_steps.engine.asking import Request
from model_steps.engine.chat import Chat
from model_steps.engine.options import Options
from model_steps.judge import evaluators, one_shot
from model_steps.judge.case import KIND, Case
from model_steps.judge.counting import Counting, told
from model_steps.judge.customers import read_cases, read_catalog_facts
from model_steps.judge.day_inputs import read_texts
from model_steps.judge.evaluators import Asking
from model_steps.judge.outcomes import ordered
from model_steps.judge.prompt_files import ONE_SHOT
from model_steps.judge.shop import Shop, levels_of
from model_steps.training.judge.course import Graded, together
from model_steps.training.lora.tuned_model import TunedModel
from runtime.errors import DataError, SourceMissing, UsageError
from runtime.fingerprint import digest
from schemas.judge_labels import DIMENSIONS, FINDINGS, TABLE, TIERS
from settings import Settings

Row = Mapping[str, Any]
# Labels by item.
Labels = Mapping[str, str]


def read_rows(lake: Lake, days: Sequence[str]) -> list[dict[str, Any]]:
    """Labels of train and validation users, sorted.

    Args:
        days: whose; none: all that there are.

    Raises:
        SourceMissing: there are none.
    """
    wanted = [("split", "in", ["train", "validation"]), ("kind", "=", KIND)]
    found = tables.read(lake, TABLE, filters=[*wanted, *([("day", "in", list(days))] if days else [])]).to_pylist()
    if not found:
        of_days = f" of {', '.join(days)}" if days else ""
        raise SourceMissing(
            f"The table {TABLE.name} in {lake.root} has no labels{of_days} of users who may be learnt from: build them "
            "with `python -m model_steps.build_judge_labels`."
        )
    return sorted(found, key=lambda row: [row[name] for name in TABLE.key])


def refuse_leaks(rows: Iterable[Row], rule: SplitRule, outcome_days: int) -> None:
    """See that nothing of the holdout is learnt, whatever the table says of splits.

    Args:
        outcome_days: after the day, in which a label of relevance was seen.

    Raises:
        DataError: a user is held out, or an outcome lies past the split.
    """
    for user, day, split in sorted({(row["user_id"], row["day"], row["split"]) for row in rows}):
        window = TrainingWindow(user, day, add_days(next_day(day), outcome_days))
        if rule.split_of(user) != split:
            raise DataError(
                f"The labels of user {user} after {day} are of the split {rule.split_of(user)} and say {split}: build "
                "them anew."
            )
        if split == "train":
            rule.refuse_leaks([window])
        elif "time" in rule.touches(window):
            raise DataError(
                f"The labels of user {user} after {day} rest on outcomes until {window.outcomes_until}, past "
                f"{rule.trained_until}: nothing may be learnt or stopped by from then on."
            )


@dataclass(frozen=True)
class Material:
    """The labels of some training days, with what was known of their customers.

    Args:
        rows: of ``judge_labels``, of train and validation.
        cases: one an item, sorted. split_of: of an item. labels: by dimension. tiers: the labels' own.
        counting: learnt from train. asking: makes a day's prompts, by day; they tell what counting expects where the
            settings say so.
    """

    rows: Sequence[Row]
    cases: Sequence[Case]
    split_of: Labels
    labels: Mapping[str, Labels]
    tiers: Labels
    counting: Counting
    asking: Mapping[str, Asking]
    chat: Chat
    settings: Settings

    @classmethod
    def read(cls, lake: Lake, rule: SplitRule, days: Sequence[str], settings: Settings) -> Material:
        """Read the labels of days, or without any of all that there are.

        Raises:
            SourceMissing: there are none, or what was known of the customers is not there.
            DataError: one touches the holdout. UsageError: none is of train, or none of validation.
        """
        rows = read_rows(lake, days)
        refuse_leaks(rows, rule, settings.judge_labels.outcome_days)
        frame = pl.DataFrame(pl.from_arrow(pa.Table.from_pylist(rows, TABLE.schema)))
        merged, known = merge(frame), items(frame)
        labels: dict[str, dict[str, str]] = {name: {} for name in DIMENSIONS[KIND]}
        for item, dimension, label in merged.labels.select("item_id", "dimension", "label").iter_rows():
            labels.setdefault(dimension, {})[item] = label
        kinds = dict(known.select("item_id", "kind").iter_rows())
        split_of = dict(known.select("item_id", "split").iter_rows())
        of_tiers = dict(tiers(merged, kinds, settings.judge.threshold).select("item_id", "label").iter_rows())
        if missing := [name for name in ("train", "validation") if name not in split_of.values()]:
            raise UsageError(f"No label is of a user of the split {missing[0]}: build labels of more users.")
        facts = read_catalog_facts(lake)
        cases, popularity = read_cases(lake, rows, rule, facts.vectors, settings)
        learnt = [case for case in cases if split_of[case.item_id] == "train" and case.item_id in labels["relevance"]]
        counting = Counting.fit(
            learnt,
            [labels["relevance"][case.item_id] for case in learnt],
            [split_of[case.item_id] for case in learnt],
            facts,
            popularity,
        )
        paths = tuple(levels_of(path, label) for path, label in zip(facts.paths, facts.vectors.labels, strict=True))
        texts, chat = read_texts(lake), Chat(settings.engine.model)
        chances = counting.chances(cases, facts, popularity)
        asking = {}
        for day, buyers in popularity.items():
            shop = Shop(facts.vectors, paths, texts, buyers)
            shop = told(shop, chances) if settings.judge.expected else shop
            asking[day] = Asking(shop, settings.judge, chat.render, chat.count, chat.answer_tokens)
        return cls(rows, cases, split_of, labels, of_tiers, counting, asking, chat, settings)

    @property
    def asked(self) -> tuple[str, ...]:
        """The dimensions that the language model grades."""
        return tuple(name for name in DIMENSIONS[KIND] if name not in self.settings.judge.rules)

    @property
    def digest(self) -> str:
        """Of all labels that are learnt or stopped by."""
        return digest([[row[name] for name in (*TABLE.key, "label", "split")] for row in self.rows])

    def groups(self) -> Groups:
        """What is learnt, customer by customer, in an order that has nothing to do with who they are."""
        of_customers = {"\0".join(one): own for one, own in self._customers("train").items()}
        labelled = [name for name, own in of_customers.items() if self._chosen(own)]
        order = ordered(labelled, str(self.settings.judge_training.seed))
        return Groups([of_customers[name] for name in order], self._graded)

    def validation(self, model: TunedModel) -> Callable[[], dict[str, float]]:
        """What is measured of validation users, as of the newest day: the cross-entropy to their labels."""
        newest = max(case.customer.day for case in self.cases if self.split_of[case.item_id] == "validation")
        of_customers = {user: own for (user, day), own in self._customers("validation").items() if day == newest}
        chosen = drawn(of_customers, self.settings.judge_training.validation_users)
        found = [self._graded(of_customers[user]) for user in chosen]
        graded = [together(own) for each in found if (own := [one for one in each if one.options == self._labels])]
        whole = [together(own) for each in found if (own := [one for one in each if one.options != self._labels])]
        if not graded:
            raise UsageError("No label of a validation user is of what is asked: build labels of more users.")

        def figures() -> dict[str, float]:
            # The judge's own questions decide; the one-shot rival's are only told.
            rival = {"one_shot_cross_entropy": model.cross_entropy(whole)} if whole else {}
            return {"cross_entropy": model.cross_entropy(graded), **rival}

        return figures

    @property
    def _labels(self) -> Options:
        """What the judge's own questions are answered with."""
        return next(iter(self.asking.values())).labels

    def _customers(self, split: str) -> dict[tuple[str, str], list[Case]]:
        found: dict[tuple[str, str], list[Case]] = {}
        for case in self.cases:
            if self.split_of[case.item_id] == split:
                found.setdefault((case.customer.user_id, case.customer.day), []).append(case)
        return found

    def _chosen(self, cases: Sequence[Case]) -> list[tuple[str, Labels, list[Case]]]:
        """What is asked about one customer on a day: some of each asked dimension, and some of the tier as a whole."""
        chosen = self.settings.judge_training
        found = [(name, self.labels[name], FINDINGS, chosen.cases) for name in self.asked]
        found.append((ONE_SHOT, self.tiers, TIERS, chosen.one_shot))
        some = [(name, labels, _mixed(cases, labels, kinds, most)) for name, labels, kinds, most in found]
        return [each for each in some if each[2]]

    def _graded(self, cases: Sequence[Case]) -> list[Graded]:
        """The questions about one customer on a day, with what the answers should be."""
        asking = self.asking[cases[0].customer.day]
        found = []
        for name, labels, own in self._chosen(cases):
            asked = one_shot.requests(own, asking) if name == ONE_SHOT else evaluators.requests(own, name, asking)
            found += self._with_answers(asked, [labels[case.item_id] for case in own])
        return found

    def _with_answers(self, requests: Sequence[Request], answers: Sequence[str]) -> list[Graded]:
        graded = []
        for request, answer in zip(requests, answers, strict=True):
            assert request.options is not None
            graded.append(Graded(tuple(self.chat.tokens(request.prompt)), {answer: 1.0}, request.options))
        return graded


class Groups(Sequence[list[Graded]]):
    """The questions of each customer on a day, made when they are learnt.

    Args:
        customers: the cases of each. graded: makes the questions.
    """

    def __init__(self, customers: Sequence[Sequence[Case]], graded: Callable[[Sequence[Case]], list[Graded]]) -> None:
        self._customers, self._graded = customers, graded

    def __len__(self) -> int:
        return len(self._customers)

    def __getitem__(self, place: Any) -> Any:
        return self._graded(self._customers[place])


def _mixed(cases: Sequence[Case], labels: Labels, kinds: Sequence[str], most: int) -> list[Case]:
    """Some cases of a customer, each kind of label in turn, so that a frequent one does not crowd out the others.

    Which kind is first differs from customer to customer: of one case each, all kinds are taught.
    """
    turns_of = ordered(kinds, "turns", *(f"{case.customer.user_id}\0{case.customer.day}" for case in cases[:1]))
    of_kind = {
        kind: ordered((case.item_id for case in cases if labels.get(case.item_id) == kind), "graded")
        for kind in turns_of
    }
    longest = max(map(len, of_kind.values()), default=0)
    turns = [own[place] for place in range(longest) for own in of_kind.values() if place < len(own)]
    by_item = {case.item_id: case for case in cases}
    return [by_item[item] for item in turns[:most]]
