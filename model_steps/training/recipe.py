"""The adaptor's recipe: closed-form start, the two task families as examples, and the targets asked of the model."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from lake.registry.splits import SplitRule
from lake.store.location import Lake
from model_steps.agents import inputs
from model_steps.agents.hmas import Hmas, User
from model_steps.agents.words import WordFinder
from model_steps.embedding.adaptor import Adaptor
from model_steps.embedding.embedder import Embedder, Vectors
from model_steps.engine.asking import Request
from model_steps.engine.chat import Chat
from model_steps.engine.vllm_engine import Engine
from model_steps.training import alignment, closed_form, examples, prompts, questions
from model_steps.training.catalog import Catalog
from model_steps.training.examples import Encoded, Example
from model_steps.training.frozen_model import FrozenModel
from model_steps.training.loop import Family
from settings import AdaptorSettings, Settings

log = logging.getLogger("intentflow")

SELF_PERCEPTION = "self_perception"


def closed_form_start(
    catalog: Catalog,
    rows: Sequence[int],
    frozen: FrozenModel,
    chat: Chat,
    settings: AdaptorSettings,
    embedder: str,
    model: str,
) -> Adaptor:
    """Fit the train entities' embeddings to the means of their texts' token embeddings."""
    # As a text stands in a prompt: after a space.
    texts = [chat.tokens(f" {catalog.described[row].text}") for row in rows]
    targets = frozen.token_means(texts).numpy()
    a, b = closed_form.ridge(catalog.embeddings[list(rows)], targets, settings.ridge)
    return closed_form.as_adaptor(a, b, settings.hidden, embedder, model, settings.seed)


def question_family(
    catalog: Catalog, rows: Sequence[int], frozen: FrozenModel, chat: Chat, settings: AdaptorSettings
) -> Family:
    """Self-perception: an attribute is drawn first, so that rare ones are asked as often as common ones."""
    able: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        for attribute, answer in questions.attributes_of(catalog.described[row]).items():
            able.setdefault(attribute, []).append((row, answer))
    row_of = {catalog.described[row].entity_id: row for row in rows}

    def draw(chance: random.Random) -> Encoded:
        attribute = chance.choice(sorted(able))
        row, answer = chance.choice(able[attribute])
        asked = questions.ask(catalog.described[row], attribute, answer, chance)
        prompt = prompts.self_perception(chat.render, asked.question)
        example = Example(SELF_PERCEPTION, prompt, (asked.entity_id,), asked.answer)
        return examples.encode(example, chat.tokens, chat.slot, frozen.end, row_of)

    return Family(SELF_PERCEPTION, settings.questions if able else 0, draw)


def alignment_family(
    name: str, found: Sequence[Example], a_step: int, catalog: Catalog, frozen: FrozenModel, chat: Chat
) -> Family:
    """The kept examples of one production task."""
    row_of = {one.entity_id: row for row, one in enumerate(catalog.described)}
    own = [examples.encode(one, chat.tokens, chat.slot, frozen.end, row_of) for one in found if one.family == name]
    if a_step and not own:
        log.warning("No user has an example of %s: it is left out of the mix.", name)
    return Family(name, a_step if own else 0, lambda chance: chance.choice(own))


def write_targets(
    path: Path,
    lake: Lake,
    day: str,
    users: Sequence[str],
    catalog: Catalog,
    settings: Settings,
    rule: SplitRule,
    embedder: Embedder,
    chat: Chat,
) -> None:
    """Ask the model what it answers to the users' full-text prompts, held-out entities left out, and keep it."""
    known_rows = {one.entity_id for one in catalog.described}
    people = inputs.read_contexts(lake, day, users)
    known = inputs.read_entities(lake, people)
    dropped = {one for one in known if rule.entity_split_of(one) != "train" or one not in known_rows}
    people = [alignment.without_entities(person, frozenset(dropped)) for person in people]
    cap = settings.adaptor.alignment_tokens
    pairs = alignment.pairs_of_users([p for p in people if p.periods], known, chat.count, cap)
    words = WordFinder(
        inputs.read_categories(lake, embedder.name), embedder.vocabulary, settings.inference.word_categories
    )
    engine = Engine(settings.engine)
    seed = settings.engine.seed
    hmas = Hmas(
        settings.inference, engine.generate, embedder.embed, chat.render, words, inputs.signals_text(lake, day), seed
    )
    temperature = settings.inference.expert_temperature
    tags = partial(alignment.tag_request, hmas=hmas, words=words, temperature=temperature, seed=seed)
    asked: dict[str, Callable[[User], Request]] = {
        alignment.INTEREST_MINING: hmas.plan_request,
        alignment.TAG_PREDICTION: tags,
    }
    examples.write(path, alignment.examples_of(pairs, engine, asked))
    engine.close()


def moved(start: Adaptor, end: Adaptor, embeddings: Vectors) -> float:
    """How far training moved the entities' vectors, of their own length."""
    before, after = start(embeddings), end(embeddings)
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))
