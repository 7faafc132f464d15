"""Explanations of a chunk of a day's users: items, styles, captions, rules (PAPER 1.5).

``Explainer.explain`` is all that a step needs: users with their contexts and tags in, rows of ``explanations`` and
failures out. It asks nothing but ``ask`` and reads no lake, so the same users are explained in the same way again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from model_steps.agents.hmas import Ask
from model_steps.embedding.embedder import Vectors
from model_steps.engine.asking import Request, Sampling
from model_steps.engine.drawing import text_of
from model_steps.engine.options import Tokenizes
from model_steps.explaining import captions, prompt_files, rules, styles
from model_steps.explaining.candidates import Shelf, Tag, bought_lately, candidates
from model_steps.explaining.captions import Pair
from model_steps.explaining.lexicon import Lexicon
from model_steps.explaining.rows import Dropped, explanation_row
from model_steps.explaining.rules import Said
from model_steps.explaining.statistics import Statistics
from model_steps.explaining.styles import Style
from model_steps.explaining.surroundings import Surroundings
from representation.context import Context
from settings import ExplanationsSettings

log = logging.getLogger("intentflow")

# Whose answers styles are in the answer cache: nobody's in particular, so that users and days share them.
STYLE_OWNER = "styles"
STYLE_RULE = "style"


@dataclass(frozen=True)
class Customer:
    """A user of a day.

    Args:
        tags: from ``intents``, in any order.
    """

    context: Context
    tags: tuple[Tag, ...]


@dataclass(frozen=True)
class Shop:
    """What all users of a day share.

    Args:
        day: the last day of histories. shelf: the items of all tags' categories. lexicon: of the whole catalog.
    """

    day: str
    shelf: Shelf
    lexicon: Lexicon
    surroundings: Surroundings


@dataclass(frozen=True)
class Explained:
    """What a chunk came to.

    Args:
        rows: of ``explanations``, without their day. dropped: pairs without a caption, each with its reason.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)


@dataclass
class _Case:
    """A pair under way."""

    pair: Pair
    style: Style | None = None
    caption: str | None = None
    attempts: int = 0
    broken: str | None = None
    tried: set[str] = field(default_factory=set)


class Explainer:
    """Explains users chunk by chunk; styles that one chunk was given serve the later ones.

    Args:
        ask: answers requests, from a cache or a model; a cache must know ``STYLE_OWNER`` as one of its users.
        render: a system and a user message as the model's prompt. tokenizes: an answer's tokens, its end among them.
        embed: texts to rows of unit length.
        release: that rows name. seed: of all sampling.
    """

    def __init__(
        self,
        settings: ExplanationsSettings,
        shop: Shop,
        ask: Ask,
        render: Callable[[str, str], str],
        tokenizes: Tokenizes,
        embed: Callable[[Sequence[str]], Vectors],
        release: str,
        seed: int = 0,
    ) -> None:
        self._settings, self._shop, self._ask = settings, shop, ask
        self._render, self._tokenizes, self._embed = render, tokenizes, embed
        self._release, self._seed = release, seed
        self._styles: dict[str, Style | None] = {}
        self.statistics = Statistics()

    def explain(self, customers: Sequence[Customer]) -> Explained:
        """Captions of a chunk's users, or why there are none.

        Raises:
            InfrastructureError: the engine failed.
        """
        cases = [_Case(pair) for pair in self._pairs(customers)]
        self.statistics.pairs_in += len(cases)
        if self._settings.way == "meta":
            self._give_styles(cases)
        self._write([case for case in cases if case.broken is None])
        explained = Explained()
        for case in cases:
            if case.caption is None:
                reason = case.broken or ""
                self.statistics.dropped[reason] += 1
                explained.dropped.append(Dropped(case.pair, reason, self._meaning(reason), case.attempts))
            else:
                asked = (self._settings.way, self._settings.form)
                row = explanation_row(case.pair, case.caption, case.style, asked, case.attempts, self._release)
                explained.rows.append(row)
        self.statistics.captions += len(explained.rows)
        log.info("Wrote %d captions, dropped %d.", len(explained.rows), len(explained.dropped))
        return explained

    def _pairs(self, customers: Sequence[Customer]) -> list[Pair]:
        settings, shop = self._settings, self._shop
        # All tags of a chunk in one go, so that a vector does not depend on what came before the chunk.
        texts = sorted({tag.text for customer in customers for tag in customer.tags})
        vectors = dict(zip(texts, self._embed(texts), strict=True))
        pairs = []
        for customer in customers:
            barred = bought_lately(customer.context, shop.day, settings.not_bought_days)
            chosen = candidates(customer.tags, vectors, shop.shelf, barred, settings.tags, settings.items_per_tag)
            self.statistics.users_in += 1
            self.statistics.users_without_item += not chosen
            pairs += [Pair.of(customer.context, candidate, settings) for candidate in chosen]
        return pairs

    def _give_styles(self, cases: Sequence[_Case]) -> None:
        """Give each pair its style; a style is asked for once, however many pairs need it."""
        keys = [self._key(case) for case in cases]
        self.statistics.styles_wanted += len(keys)
        due = {key: case for key, case in zip(keys, cases, strict=True) if key not in self._styles}
        self.statistics.styles_asked += len(due)
        for attempt in range(self._settings.attempts):
            answers = self._ask([self._style_request(case, attempt) for case in due.values()])
            for key, answer in zip(list(due), answers, strict=True):
                self._styles[key] = styles.parse(answer.text, self._shop.surroundings)
            due = {key: case for key, case in due.items() if self._styles[key] is None}
            if not due:
                break
        for key, case in zip(keys, cases, strict=True):
            case.style = self._styles[key]
            if case.style is None:
                case.broken, case.attempts = STYLE_RULE, self._settings.attempts

    def _key(self, case: _Case) -> str:
        return styles.key_of(case.pair.segment, case.pair.candidate.item, self._shop.surroundings)

    def _style_request(self, case: _Case, attempt: int) -> Request:
        settings, surroundings = self._settings, self._shop.surroundings
        prompt = self._render(*styles.messages(case.pair.segment, case.pair.candidate.item, surroundings))
        sampling = Sampling(
            maximum_tokens=styles.TOKENS,
            temperature=settings.style_temperature,
            top_p=settings.top_p,
            grammar=styles.grammar(surroundings),
        )
        return Request.seeded(STYLE_OWNER, prompt_files.STYLIST, prompt, sampling, self._seed, attempt)

    def _write(self, cases: Sequence[_Case]) -> None:
        """Ask for captions until each keeps the rules, as often as the settings say; none is tried twice."""
        pending = list(cases)
        for attempt in range(self._settings.attempts):
            asked = [(case, request) for case in pending if (request := self._caption_request(case, attempt))]
            answers = self._ask([request for _, request in asked])
            for (case, request), answer in zip(asked, answers, strict=True):
                caption = text_of(request, answer)
                case.attempts = attempt + 1
                case.tried.add(caption)
                broken = rules.broken(self._said(case.pair, caption))
                self.statistics.note(broken, first=attempt == 0)
                case.broken = broken[0] if broken else None
                case.caption = None if broken else caption
            pending = [case for case, _ in asked if case.broken]
            if not pending:
                break

    def _caption_request(self, case: _Case, attempt: int) -> Request | None:
        """What a case is asked with; none where everything that it may say was tried."""
        return captions.request(
            case.pair,
            case.style,
            self._shop.surroundings,
            self._settings,
            self._render,
            self._tokenizes,
            self._seed,
            attempt,
            case.tried,
        )

    def _said(self, pair: Pair, caption: str) -> Said:
        context, shop = pair.context, self._shop
        return Said(
            caption,
            pair.candidate.item,
            context.user_id,
            context.attributes,
            shop.surroundings,
            shop.lexicon,
            self._settings,
        )

    @staticmethod
    def _meaning(reason: str) -> str:
        if reason == STYLE_RULE:
            return "The stylist's answers were none of the declared styles."
        return next(rule.meaning for rule in rules.RULES if rule.name == reason)
