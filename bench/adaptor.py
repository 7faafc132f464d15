"""How much of an entity one vector tells: ``python -m bench.adaptor``.

Self-perception on held-out entities: the same questions with the full text (the ceiling), with no entity (the floor),
through the closed-form start, and through the trained adaptor; the model chooses one of ten answers. Then parity of
tag prediction on held-out users: what the model answers to the hybrid prompt against what it answers to the text.
"""

from __future__ import annotations

import argparse
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.lakes import landed
from bench.lakes.steps import FOLDER, run_and_publish
from evaluation import plots
from evaluation.bootstrap import interval, paired
from evaluation.freeze import freeze, refuse_other_days
from evaluation.holdout import read_frozen
from evaluation.leaks import refuse_leaks, training_days
from lake.registry import releases
from lake.registry.evaluation_file import read_rule
from lake.registry.splits import SplitRule, add_days, drawn
from lake.store.location import Lake
from model_steps.agents import expert, inputs, planner
from model_steps.agents.grammar import one_of
from model_steps.agents.hmas import Hmas, User
from model_steps.agents.planner import Unusable
from model_steps.agents.words import Categories, WordFinder
from model_steps.embedding.adaptor import Adaptor, model_width
from model_steps.embedding.embedder import Embedder
from model_steps.embedding.slots import EntitySlots, read_slots
from model_steps.engine import vllm_engine as engine
from model_steps.engine.asking import Request, Sampling
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.serving.fit import adaptor_of, refuse_foreign
from model_steps.training import alignment, prompts, questions
from model_steps.training.catalog import Catalog, read_catalog
from model_steps.training.questions import Question
from representation.hybrid import SLOT
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.progress import Progress
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

ARMS = ("full_text", "none", "closed_form", "trained")
COLORS = dict(zip(ARMS, (plots.BLUE, plots.GREY, plots.SKY, plots.GREEN), strict=True))
TOGETHER = 64
ANSWER_TOKENS = 24
SEED = 20171101


@dataclass(frozen=True)
class Bench:
    """What all arms share."""

    settings: Settings
    chat: Chat
    running: engine.Engine
    embedder: Embedder
    categories: Categories
    adaptors: Mapping[str, Adaptor]

    def ask(self, requests: Sequence[Request], progress: Progress, what: str) -> list[str]:
        """The texts of the answers, from a cold prefix cache."""
        self.running.reset_prefix_cache()
        said = []
        for start in range(0, len(requests), TOGETHER):
            some = requests[start : start + TOGETHER]
            said += [answer.text for answer in self.running.generate(some)]
            progress.advance(len(some), what)
        return said


def held_out_questions(catalog: Catalog, rule: SplitRule, most: int) -> list[tuple[Question, list[str]]]:
    """Questions on held-out entities with the answers to choose from: equally many of each attribute.

    Args:
        most: of all; fewer when the held-out entities have fewer.
    """
    chance = random.Random(SEED)
    answers: dict[str, list[str]] = {}
    for one in catalog.described:
        for attribute, answer in questions.attributes_of(one).items():
            answers.setdefault(attribute, []).append(answer)
    by_attribute: dict[str, list[Question]] = {}
    for row in catalog.rows(rule, "holdout"):
        for question in questions.questions_of(catalog.described[row], chance):
            by_attribute.setdefault(question.attribute, []).append(question)
    share = max(1, most // max(1, len(by_attribute)))
    found = []
    for _, own in sorted(by_attribute.items()):
        for question in chance.sample(own, min(share, len(own))):
            found.append((question, questions.options_of(question, answers[question.attribute], chance)))
    return found


def self_perception(
    bench: Bench, catalog: Catalog, asked: Sequence[tuple[Question, list[str]]]
) -> dict[str, npt.NDArray[np.float64]]:
    """By arm, 1 for each right answer and 0 for each wrong one, in the order of the questions."""
    row_of = {one.entity_id: row for row, one in enumerate(catalog.described)}
    rows = sorted({row_of[question.entity_id] for question, _ in asked})
    ids = [catalog.described[row].entity_id for row in rows]
    progress = Progress(len(asked) * len(ARMS), "answers")
    found = {}
    for arm in ARMS:
        slotted = arm in bench.adaptors
        if slotted:
            bench.running.slots = EntitySlots(ids, bench.adaptors[arm](catalog.embeddings[rows]))
        requests = []
        for question, options in asked:
            shown = SLOT if slotted else question.text if arm == "full_text" else ""
            prompt = prompts.self_perception(bench.chat.render, question.question, shown)
            sampling = Sampling(maximum_tokens=ANSWER_TOKENS, grammar=f"root ::= {one_of(options)}\n")
            entities = (question.entity_id,) if slotted else ()
            requests.append(Request.seeded(question.entity_id, arm, prompt, sampling, entities=entities))
        said = bench.ask(requests, progress, arm)
        right = [text == question.answer for text, (question, _) in zip(said, asked, strict=True)]
        found[arm] = np.array(right, np.float64)
    return found


def tag_parity(
    bench: Bench, lake: Lake, day: str, users: Sequence[str], bought: Mapping[str, frozenset[str]]
) -> dict[str, Any]:
    """Tags of held-out users from the text and from the hybrid prompt: do they agree, and do they come true alike?

    ``text_again`` is the text with another seed: how far answers differ by chance alone.
    """
    people = inputs.read_contexts(lake, day, users)
    known = inputs.read_entities(lake, people)
    cap = bench.settings.adaptor.alignment_tokens
    pairs = alignment.pairs_of_users(people, known, bench.chat.count, cap)
    words = WordFinder(bench.categories, bench.embedder.vocabulary, bench.settings.inference.word_categories)
    signals = inputs.signals_text(lake, day)
    hmas = Hmas(
        bench.settings.inference, bench.running.generate, bench.embedder.embed, bench.chat.render, words, signals, 0
    )
    temperature = bench.settings.inference.expert_temperature
    arms: dict[str, Callable[[User, User], Request]] = {
        "text": lambda text, _: alignment.tag_request(text, hmas, words, temperature, SEED),
        "text_again": lambda text, _: alignment.tag_request(text, hmas, words, temperature, SEED + 1),
        **{
            name: lambda _, hybrid: alignment.tag_request(hybrid, hmas, words, temperature, SEED)
            for name in bench.adaptors
        },
    }
    progress = Progress(len(pairs) * len(arms), "tag predictions")
    listed: dict[str, list[frozenset[str]]] = {}
    for arm, request in arms.items():
        if arm in bench.adaptors:
            bench.running.slots = read_slots(lake, bench.adaptors[arm], sorted(known))
        said = bench.ask([request(text, hybrid) for text, hybrid in pairs], progress, arm)
        listed[arm] = [_categories(text, bench) for text in said]
    truth = [bought[text.user_id] for text, _ in pairs]
    recall = {arm: _shares(truth, found) for arm, found in listed.items()}
    agreement = {arm: _shares(listed["text"], found) for arm, found in listed.items() if arm != "text"}
    return {
        "users": len(pairs),
        "recall_at_10": {arm: interval(values).as_dict() for arm, values in recall.items()},
        "recall_at_10_against_text": {
            arm: paired(values, recall["text"]).as_dict() for arm, values in recall.items() if arm != "text"
        },
        "agreement_with_text": {arm: interval(values).as_dict() for arm, values in agreement.items()},
    }


def _categories(text: str, bench: Bench) -> frozenset[str]:
    """The categories that an answer's tags are nearest to."""
    try:
        tags = expert.parse(text)
    except Unusable:
        return frozenset()
    return frozenset(name for name, _ in bench.categories.nearest(bench.embedder.embed(tags)))


def _shares(of: Sequence[frozenset[str]], found: Sequence[frozenset[str]]) -> npt.NDArray[np.float64]:
    """By user, the share of some categories that are among others; NaN where there are none."""
    shares = [len(a & b) / len(a) if a else float("nan") for a, b in zip(of, found, strict=True)]
    return np.array(shares, np.float64)


def plot(figures: Mapping[str, Any], folder: Path) -> Path:
    """Accuracy on held-out entities, an interval an arm."""
    drawing, (axes,) = plots.panels(1, height=2.6)
    title = f"self-perception: {figures['questions']} questions on held-out entities, one of ten answers"
    plots.intervals(axes, {arm: figures["accuracy"][arm] for arm in ARMS}, COLORS, title)
    return plots.save(drawing, folder, "adaptor")


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.questions < 1 or arguments.users < 1:
        raise UsageError("--questions and --users are at least 1.")
    settings = load_settings()
    rule = read_rule(settings.source)
    day = arguments.day or rule.days[-1]
    refuse_other_days(rule, day)
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake)
    landed.land_until(lake, add_days(rule.outcomes_until(day), -1))
    landed.prepare_day(lake, day)
    freeze(lake, rule)
    embedder, chat = Embedder(settings.embedder.model), Chat(settings.engine.model)
    release, files = releases.load(arguments.release or settings.lake.first_release)
    refuse_foreign(release, settings.engine.model, embedder.name, (planner.ROLE,))
    for trained_on in training_days(release):
        landed.prepare_day(lake, trained_on)
    refuse_leaks(lake, release, rule, day)
    # All of the catalog, so that questions do not depend on which days were embedded before.
    run_and_publish(lake, "model_steps.embed")
    catalog = read_catalog(lake, embedder.name)
    adaptors = {
        name: adaptor_of(release, files, settings.engine.model, embedder, file)
        for name, file in (("closed_form", releases.CLOSED_FORM), ("trained", releases.ADAPTOR))
    }
    bench = Bench(
        settings,
        chat,
        engine.Engine(settings.engine, EntitySlots.empty(model_width(settings.engine.model))),
        embedder,
        inputs.read_categories(lake, embedder.name),
        adaptors,
    )
    asked = held_out_questions(catalog, rule, arguments.questions)
    right = self_perception(bench, catalog, asked)
    attributes = np.array([question.attribute for question, _ in asked])
    held = read_frozen(lake, rule, day)
    bought = {row["user_id"]: frozenset(row["categories"]) for row in held.to_pylist()}
    users = drawn(bought, arguments.users)
    figures = {
        "accuracy": {arm: interval(values).as_dict() for arm, values in right.items()},
        "accuracy_by_attribute": {
            name: {arm: round(float(values[attributes == name].mean()), 4) for arm, values in right.items()}
            for name in sorted(set(attributes.tolist()))
        },
        "differences": {
            f"{one} - {other}": paired(right[one], right[other]).as_dict()
            for one, other in (("trained", "closed_form"), ("closed_form", "none"), ("full_text", "trained"))
        },
        "parity": tag_parity(bench, lake, day, users, bought),
        "questions": len(asked),
        "release": release.name,
        "training_steps": release.training.get("settings", {}).get("steps"),
        "day": day,
        "chance": "one of ten answers; of two for the brand",
    }
    return {**figures, "plot": str(plot(figures, arguments.plots))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.adaptor", description=__doc__)
    parser.add_argument("--questions", type=int, default=1_000, help="questions on held-out entities (default: 1000)")
    parser.add_argument("--users", type=int, default=64, help="held-out users for parity (default: 64)")
    parser.add_argument("--day", type=day_argument, help="an evaluation day (default: the last one)")
    parser.add_argument("--release", type=Path, help="a release's folder (default: the shipped one)")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake for the log (default: var/bench/lake)")
    parser.add_argument("--plots", type=Path, default=FOLDER, help="folder of the plot (default: var/bench)")
    run_command(main, parser)
