"""What reading a history costs, form by form: ``python -m bench.representation [--users 24]``.

The same users as of one day through V1's independent routes (full text, aggregated text, and aggregated text with a
shared prefix) and through planner, experts and arbiter (text and hybrid; agents that write, and agents that are asked
by rank, with the shipped experts), all on the real engine from a cold prefix cache.

Results are kept group by group in ``var/bench``: a killed run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench import v1_routes
from bench.lakes import histories, landed
from bench.lakes.histories import Histories
from bench.lakes.steps import FOLDER
from evaluation import plots
from lake.delta import tables
from lake.registry import releases
from lake.store.location import Lake
from model_steps.agents import arbiter, expert, flows, inputs, planner, population
from model_steps.agents.flows import Flow
from model_steps.agents.hmas import Hmas
from model_steps.agents.words import WordFinder
from model_steps.embedding.embedder import Embedder
from model_steps.embedding.slots import read_slots
from model_steps.engine import ranking
from model_steps.engine import vllm_engine as engine
from model_steps.engine.asking import Answer, Counts, Request
from model_steps.engine.cache_capacity import tokens_that_fit
from model_steps.engine.chat import Chat
from model_steps.engine.environment import prepare_environment
from model_steps.serving.experts import adapters_of, calibration_of
from model_steps.serving.fit import adaptor_of, refuse_foreign
from representation.context import Context
from runtime import atomic, processor
from runtime.entry import day_argument, run_command
from runtime.errors import UsageError
from runtime.fingerprint import code_of, digest
from runtime.progress import Progress
from schemas import contexts
from settings import Settings, load_settings

log = logging.getLogger("intentflow")

GROUP = 6
V1 = ("v1_full_text", "v1_aggregated_text", "v1_prefix_shared")
WRITTEN = ("hmas_text", "hmas_hybrid")
RANKED = ("ranked_text", "ranked_hybrid")
VARIANTS = (*V1, *WRITTEN, *RANKED)
# What a form of asking saves is said of its hybrid variant.
HYBRID = {"hmas": "hmas_hybrid", "ranked": "ranked_hybrid"}
# What a prompt and its answer take besides the history, at most.
BESIDE = 1_600
CONTEXT_ENDS = "</context>"
SHADES = (plots.GREY, plots.ORANGE, plots.SKY, plots.BLUE, plots.GREEN, plots.BLUE, plots.GREEN)
COLORS = dict(zip(VARIANTS, SHADES, strict=True))


@dataclass
class Asked:
    """The engine, with everything that was asked of it and what that took.

    Args:
        tuned: whether the engine's adapters answer; else the language model as it is, whatever the role.
    """

    engine: engine.Engine
    tuned: bool
    pairs: list[tuple[Request, Answer]] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, requests: Sequence[Request]) -> list[Answer]:
        # No adapter goes by such a role's name.
        sent = requests if self.tuned else [replace(one, role=f"untuned {one.role}") for one in requests]
        started = time.monotonic()
        answers = self.engine.generate(sent)
        self.seconds += time.monotonic() - started
        self.pairs += zip(requests, answers, strict=True)
        return answers


@dataclass(frozen=True)
class Arms:
    """Everything that the variants share."""

    settings: Settings
    chat: Chat
    running: engine.Engine
    words: WordFinder
    embedder: Embedder
    lines: Mapping[str, str]
    ranked: Callable[[Asked], Flow]

    def run(self, variant: str, group: Sequence[Histories]) -> dict[str, Any]:
        """One variant over a group of users from a cold cache; sums over the group."""
        self.running.reset_prefix_cache()
        asked = Asked(self.running, tuned=variant in RANKED)
        if variant not in V1:
            people = [one.hybrid if variant in HYBRID.values() else one.text for one in group]
            (self.ranked(asked) if variant in RANKED else self._hmas(asked)).run(people)
            contexts = [one.history for one in people]
            writers = [expert.ROLE]
        else:
            contexts = [one.full_text if variant == "v1_full_text" else one.text.history for one in group]
            self._routes(asked, variant, list(zip(group, contexts, strict=True)))
            writers = [f"v1_{route}" for route in v1_routes.ROUTES]
        counts = Counts()
        for request, answer in asked.pairs:
            counts.of(request.role).add(answer)
        return {
            "users": len(group),
            "context_tokens": sum(map(self.chat.count, contexts)),
            "seconds": asked.seconds,
            "roles": counts.as_dict(),
            "duplication": [duplication_of(asked.pairs, one.text.user_id, writers) for one in group],
            **self._arbiter_share(asked.pairs),
        }

    def _hmas(self, asked: Asked) -> Hmas:
        lines = "\n".join(f"{kind}: {text}" for kind, text in self.lines.items())
        settings = self.settings
        return Hmas(
            settings.inference, asked, self.embedder.embed, self.chat.render, self.words, lines, settings.engine.seed
        )

    def _routes(self, asked: Asked, variant: str, people: Sequence[tuple[Histories, str]]) -> None:
        inference, shared = self.settings.inference, variant == "v1_prefix_shared"
        routes = v1_routes.Routes(
            self.chat.render,
            self.lines,
            inference.tags,
            shared,
            inference.expert_temperature,
            inference.top_p,
            inference.frequency_penalty,
            self.settings.engine.seed,
        )
        by_user = [
            routes.requests(one.text.user_id, context, self.words.near([fact.category for fact in one.text.facts[:3]]))
            for one, context in people
        ]

        def taken(own: Sequence[Request]) -> int:
            return sum(self.chat.count(one.prompt) + one.sampling.maximum_tokens for one in own)

        # As many users at once as the cache holds, as the agents have it: none waits, and none is computed twice.
        for some in population.chunks_of(by_user, len(by_user), taken, tokens_that_fit(self.settings.engine)):
            # With a shared prefix one route goes first, and the others find what it computed.
            waves = list(zip(*some, strict=True)) if shared else [[one for own in some for one in own]]
            for wave in waves:
                asked(list(wave))

    def _arbiter_share(self, pairs: Iterable[tuple[Request, Answer]]) -> dict[str, int]:
        """Tokens of the contexts' whole blocks in the arbiter's prompts, and how many of them were cached."""
        block = self.settings.engine.block_tokens
        whole = found = 0
        for request, answer in pairs:
            if request.role == arbiter.ROLE:
                blocks = self.chat.count(context_of(request.prompt)) // block * block
                whole += blocks
                found += min(answer.cached_tokens, blocks)
        return {"arbiter_context_tokens": whole, "arbiter_context_cached": found}


def context_of(prompt: str) -> str:
    """What planner's and arbiter's prompts begin with alike; the system message names the mark too, before it."""
    return prompt[: prompt.rindex(CONTEXT_ENDS) + len(CONTEXT_ENDS)]


def duplication_of(pairs: Iterable[tuple[Request, Answer]], user_id: str, writers: Sequence[str]) -> float:
    """Share of a user's tags that another route or expert had written already."""
    own = [(one, said) for one, said in pairs if one.user_id == user_id and one.role in writers]
    ranked = [[tag for tag, _ in ranking.read(said.text)] for one, said in own if one.options is not None]
    return v1_routes.duplicated(ranked or v1_routes.written_by([said for _, said in own]))


def variant_figures(groups: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Means per user of one variant."""
    users = sum(group["users"] for group in groups)

    def total(name: str) -> float:
        return float(sum(role[name] for group in groups for role in group["roles"].values()))

    duplication = [share for group in groups for share in group["duplication"]]
    return {
        "context_tokens": round(sum(group["context_tokens"] for group in groups) / users, 1),
        "calls": round(total("calls") / users, 2),
        **{name: round(total(name) / users, 1) for name in ("prompt_tokens", "cached_tokens", "computed_tokens")},
        "output_tokens": round(total("output_tokens") / users, 1),
        "seconds": round(sum(group["seconds"] for group in groups) / users, 3),
        "duplication": round(sum(duplication) / len(duplication), 4),
    }


def summary(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """The figures of all variants, and what the hybrid form saves."""
    variants = {name: variant_figures(groups) for name, groups in results.items()}

    def saved(name: str) -> dict[str, dict[str, float]]:
        """Of what each rival takes, by form of asking."""
        return {
            form: {
                rival: round(1 - variants[own][name] / variants[rival][name], 4)
                for rival in (*V1, own.replace("hybrid", "text"))
            }
            for form, own in HYBRID.items()
        }

    whole = sum(group["arbiter_context_tokens"] for group in results["hmas_hybrid"])
    cached = sum(group["arbiter_context_cached"] for group in results["hmas_hybrid"])
    context = variants["hmas_hybrid"]["context_tokens"]
    return {
        "variants": variants,
        "prefill_saved": saved("computed_tokens"),
        "seconds_saved": saved("seconds"),
        "context_compression_vs_full_text": round(variants["v1_full_text"]["context_tokens"] / context, 2),
        "context_compression_vs_aggregated_text": round(variants["v1_aggregated_text"]["context_tokens"] / context, 2),
        "arbiter_context_cached_share": round(cached / whole, 4) if whole else 0.0,
    }


def measure(
    groups: Sequence[Sequence[Histories]], run: Callable[[str, Sequence[Histories]], dict[str, Any]], kept: Path
) -> dict[str, list[dict[str, Any]]]:
    """Every variant over every group, in turn; what is in ``kept`` is not run again."""
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.is_file() else {}
    progress = Progress(len(groups) * len(VARIANTS), "runs", every_seconds=0)
    for group in groups:
        for variant in VARIANTS:
            key = digest([variant, [one.text.user_id for one in group]])
            if key not in found:
                found[key] = {"variant": variant, **run(variant, group)}
                atomic.write(kept, json.dumps(found))
            progress.advance(1, variant)
    wanted = [digest([v, [one.text.user_id for one in group]]) for v in VARIANTS for group in groups]
    return {variant: [found[key] for key in wanted if found[key]["variant"] == variant] for variant in VARIANTS}


def plot(figures: Mapping[str, Any], folder: Path) -> Path:
    """Tokens computed and model seconds by user, a bar a variant."""
    drawing, axes = plots.panels(2, height=3.0)
    titles = (("computed_tokens", "prompt tokens computed, a user"), ("seconds", "model seconds, a user"))
    for panel, (name, title) in zip(axes, titles, strict=True):
        bars = {one: dict.fromkeys(("value", "low", "high"), figures["variants"][one][name]) for one in VARIANTS}
        plots.intervals(panel, bars, COLORS, title)
    return plots.save(drawing, folder, "representation")


def _ready(
    lake: Lake, day: str, settings: Settings, people: Sequence[Context], entity_ids: Iterable[str]
) -> tuple[Arms, str]:
    """The engine with the vectors of the entities and the tuned experts; the arms; the release's name."""
    embedder, chat = Embedder(settings.embedder.model), Chat(settings.engine.model)
    release, files = releases.load(settings.lake.first_release)
    refuse_foreign(release, settings.engine.model, embedder.name, (planner.ROLE, expert.ROLE, arbiter.ROLE))
    slots = read_slots(lake, adaptor_of(release, files, settings.engine.model, embedder), sorted(entity_ids))
    categories = inputs.read_categories(lake, embedder.name)
    words = WordFinder(categories, embedder.vocabulary, settings.inference.word_categories)
    by_kind = {line.partition(": ")[0]: line.partition(": ")[2] for line in inputs.signals_text(lake, day).split("\n")}
    adapters = adapters_of(release, files, settings.engine.model)
    running = engine.Engine(settings.engine, slots, adapters)

    def ranked(asked: Asked) -> Flow:
        return flows.ranked(lake, day, settings, asked, chat, categories, people, calibration_of(release))

    return Arms(settings, chat, running, words, embedder, by_kind, ranked), release.name


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.users < 1 or arguments.others < 0:
        raise UsageError("--users is at least 1, --others at least 0.")
    settings = load_settings()
    prepare_environment(settings.engine)
    lake = Lake.open(arguments.lake)
    landed.land_until(lake, arguments.day)
    landed.prepare_day(lake, arguments.day)
    limit = settings.engine.maximum_tokens - BESIDE
    if limit < 1:
        raise UsageError(f"A window of {settings.engine.maximum_tokens} tokens leaves nothing for a history.")
    users = histories.drawn_users(lake, arguments.day, settings.inference, limit, arguments.users, arguments.others)
    if not users:
        raise UsageError(f"No user's full text has at most {limit} tokens: raise INTENTFLOW_ENGINE__MAXIMUM_TOKENS.")
    people = inputs.read_contexts(lake, arguments.day, users)
    known = inputs.read_entities(lake, people)
    arms, release = _ready(lake, arguments.day, settings, people, known)
    all_forms = histories.histories_of(lake, arguments.day, people, known, arms.chat.count, limit)
    fitting = [user for user in all_forms if not user.cut][: arguments.users]
    cut = [user for user in all_forms if user.cut]
    if not fitting:
        raise UsageError(f"No user's histories all fit {limit} tokens: raise INTENTFLOW_ENGINE__MAXIMUM_TOKENS.")
    arguments.work.mkdir(parents=True, exist_ok=True)
    asked = {
        "day": arguments.day,
        "release": release,
        "engine": settings.engine.model_dump(mode="json"),
        "inference": settings.inference.model_dump(),
        "beside": BESIDE,
        "contexts": tables.partition_digest(lake, contexts.TABLE, arguments.day),
        "code": code_of("bench.representation").digest,
    }
    kept = arguments.work / f"{digest(asked)}.json"
    groups = [fitting[start : start + GROUP] for start in range(0, len(fitting), GROUP)]
    figures = {
        **summary(measure(groups, arms.run, kept)),
        "users": len(fitting),
        "day": arguments.day,
        "release": release,
        "dtype": processor.resolve(settings.engine.dtype, settings.engine.model),
        "block_tokens": settings.engine.block_tokens,
        "caps": f"none but the window: a refresh cuts text at {settings.history.text_tokens} tokens",
    }
    if cut:
        # These lost events in some form: kept apart, for their savings are too small by what was cut.
        figures["truncated"] = {"users": len(cut), **summary(measure([cut], arms.run, kept))}
    return {**figures, "plot": str(plot(figures, arguments.plots))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.representation", description=__doc__)
    parser.add_argument("--users", type=int, default=24, help="users whose histories fit the window (default: 24)")
    parser.add_argument("--others", type=int, default=2, help="users whose full text does not fit (default: 2)")
    parser.add_argument("--day", type=day_argument, default="2017-11-01", help="the day whose contexts are read")
    parser.add_argument("--lake", default=str(FOLDER / "lake"), help="lake for the log (default: var/bench/lake)")
    parser.add_argument("--work", type=Path, default=FOLDER / "representation", help="where results are kept")
    parser.add_argument("--plots", type=Path, default=FOLDER, help="folder of the plot (default: var/bench)")
    run_command(main, parser)
