"""What decides a judgement, under one digest: an examination holds for this alone, and not for the whole repository."""

from __future__ import annotations

from model_steps.judge.prompt_files import ROLE, role_digest
from runtime.fingerprint import code_of, digest
from settings import JudgeSettings

# The modules that judge; what they import counts too. How a case is read from a lake is none of it, nor is the exam.
MODULES = tuple(f"model_steps.judge.{name}" for name in ("judging", "declared", "counting", "guard"))
# The settings that shape a verdict. Which users are drawn, and when an alarm is set off, does not.
SHAPING = frozenset(
    {"threshold", "rules", "nearest", "evidence_tokens", "catalog_texts", "expected", "outcome_days"}
)  # fmt: skip


def decides(settings: JudgeSettings, judge: str) -> str:
    """Digest of code, prompts, settings and judge.

    Prompts are those that the judge is asked with; the one-shot rival's and those for reasons decide nothing. Of the
    files beside the code, all others are other agents' prompts.

    Args:
        judge: name of its release, which names its language model, adapter and counting.
    """
    code: dict[str, str] = {}
    libraries: dict[str, str] = {}
    for module in MODULES:
        of_module = code_of(module)
        code |= {path: content for path, content in of_module.files.items() if path.endswith(".py")}
        libraries |= of_module.libraries
    shaping = settings.model_dump(mode="json", include=set(SHAPING))
    return digest(
        {"code": code, "libraries": libraries, "prompt": role_digest(ROLE), "settings": shaping, "judge": judge}
    )
