"""Captions by a way that asks the model, as a refresh asks it: chunk by chunk, each answer kept.

A killed run goes on at the chunk it was in, and a second one asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.captions.costs import Ledger, OneEngine, Recorder
from bench.captions.ways import Way
from bench.captions.without_model import drawing
from bench.captions.written import Caption, Checked, Outcome
from lake.store.location import Lake
from model_steps.embedding.embedder import Vectors
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.options import Tokenizes
from model_steps.engine.untuned import Untuned
from model_steps.explaining.candidates import candidates
from model_steps.explaining.captions import Pair
from model_steps.explaining.explainer import STYLE_OWNER, Customer, Explainer, Shop
from model_steps.explaining.styles import Style
from runtime.progress import Progress
from settings import ExplanationsSettings

NOBODY = "untuned"


@dataclass(frozen=True)
class Asking:
    """What all ways share.

    Args:
        work: keeps the answers. day: of the histories.
        settings: that choose the item nearest to a tag, whoever bought it.
        chunks: users with one tag each, none twice in a chunk: so who was asked says of which item.
        render: a system and a user message as the model's prompt. tokenizes: an answer's tokens, its end among them.
        embed: texts to rows of unit length.
        model: digest of the language model. engine: what else decides about answers. seed: of all sampling.
    """

    work: Lake
    day: str
    shop: Shop
    settings: ExplanationsSettings
    chunks: Sequence[Sequence[Customer]]
    render: Callable[[str, str], str]
    tokenizes: Tokenizes
    embed: Callable[[Sequence[str]], Vectors]
    model: str
    engine: str
    seed: int = 0

    @cached_property
    def pairs(self) -> list[dict[str, Pair]]:
        """Of each chunk the user's pair by user."""
        texts = sorted({tag.text for chunk in self.chunks for customer in chunk for tag in customer.tags})
        vectors = dict(zip(texts, self.embed(texts), strict=True))
        found = []
        for chunk in self.chunks:
            of_chunk = {}
            for customer in chunk:
                (candidate,) = candidates(customer.tags, vectors, self.shop.shelf, frozenset(), 1, 1)
                of_chunk[customer.context.user_id] = Pair.of(customer.context, candidate, self.settings)
            found.append(of_chunk)
        return found

    @property
    def pair_of(self) -> dict[tuple[str, str], Pair]:
        """All pairs by user and category."""
        every = (pair for of_chunk in self.pairs for pair in of_chunk.values())
        return {(pair.context.user_id, pair.candidate.tag.category): pair for pair in every}

    def draw(self, way: str) -> Outcome:
        """The captions of a way that needs no model."""
        checked = Checked(self.shop, self.settings)
        return Outcome(
            tuple(
                checked.write(pair, drawing(way, pair, self.shop.surroundings, self.settings))
                for of_chunk in self.pairs
                for pair in of_chunk.values()
            )
        )

    def ask(self, way: Way, form: str, engine: OneEngine) -> Outcome:
        """A way's captions of all chunks in one form.

        Raises:
            InfrastructureError: the engine failed.
        """
        settings = self.settings.model_copy(update={"way": way.asks, "form": form})
        release = way.release or NOBODY
        users = sorted({STYLE_OWNER, *(user for of_chunk in self.pairs for user in of_chunk)})
        untuned = Untuned(frozenset(way.adapters), self.model, None)
        cache = AnswerCache(self.work, users, self.day, release, self.engine, engine, untuned)
        recorder = Recorder(cache, engine)
        explainer = Explainer(
            settings, self.shop, recorder, self.render, self.tokenizes, self.embed, release, self.seed
        )
        ledger = Ledger(self.work, self._named(release), form)
        checked, captions = Checked(self.shop, settings), list[Caption]()
        progress = Progress(sum(map(len, self.chunks)), f"captions of {way.name}, {form}", every_seconds=0)
        for chunk, pairs in zip(self.chunks, self.pairs, strict=True):
            recorder.begin_chunk()
            explained = explainer.explain(chunk)
            ledger.enter([[user, pair.candidate.item.item_id] for user, pair in pairs.items()], recorder.costs)
            cache.end_chunk()
            kept = {row["user_id"]: row for row in explained.rows}
            captions += [
                checked.caption(pair, recorder.first.get(user), *_said(kept.get(user))) for user, pair in pairs.items()
            ]
            progress.advance(len(chunk))
        told = {**ledger.figures(len(captions)), "model_calls": recorder.calls}
        if way.asks == "meta":
            told |= {
                "styles": explainer.statistics.styles_asked,
                "style_cache_hit_rate": explainer.statistics.figures()["style_cache_hit_rate"],
            }
        return Outcome(tuple(captions), told)

    def _named(self, release: str) -> dict[str, Any]:
        settings = self.settings.model_dump(mode="json", exclude={"way", "form"})
        return {"release": release, "model": self.model, "engine": self.engine, "seed": self.seed, "with": settings}


def _said(row: Mapping[str, Any] | None) -> tuple[str | None, Style | None]:
    """The caption of a row of ``explanations`` and its style, where there is one."""
    if row is None:
        return None, None
    return row["caption"], None if row["style"] is None else Style(**row["style"])
