"""Who answers what a judge of captions asks: the lake's answer cache, and behind it the language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lake.store.location import Lake
from model_steps.caption_judge.ready import ReadyCaptionJudge
from model_steps.engine.answer_cache import AnswerCache
from model_steps.engine.asking import Model
from model_steps.engine.model_digest import model_digest
from model_steps.engine.vllm_engine import engine_name
from runtime.fingerprint import code_of

ENGINE = "model_steps.engine.vllm_engine"


def answers_for(
    ready: ReadyCaptionJudge, lake: Lake, users: Sequence[str], day: str, start: Callable[[], Model]
) -> AnswerCache:
    """The cache for a judge; one that asks nothing reads none.

    Args:
        lake: keeps the answers. users: whose captions are judged. start: gives the model when an answer is missing.
    """
    engine = ready.settings.engine
    return AnswerCache(
        lake,
        users if ready.judged_by.asked else (),
        day,
        f"base-{model_digest(engine.model)}",
        f"{engine_name(engine)}/{code_of(ENGINE).digest}",
        start,
    )
