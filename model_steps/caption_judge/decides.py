"""What decides a caption's verdict, under one digest: an exam holds for this alone."""

from __future__ import annotations

from model_steps.caption_judge import prompt_files
from runtime.fingerprint import code_of, digest
from settings import CaptionJudgeSettings, ExplanationsSettings

MODULE = "model_steps.caption_judge.judging"
# Beside the code, the closed lists of words; other files lie there for other work.
LISTS = ("model_steps/caption_judge/words.toml", "model_steps/explaining/lexicon/")
# Of the explanations' settings those by which a caption's form is judged.
SHAPING = frozenset({"fewest_words", "most_words", "title_run"})


def decides(settings: CaptionJudgeSettings, explanations: ExplanationsSettings) -> str:
    """Digest of code, lists, prompts and settings; the regressions and the language model are named beside it."""
    code = code_of(MODULE)
    files = {path: content for path, content in code.files.items() if path.endswith(".py") or path.startswith(LISTS)}
    shaping = explanations.model_dump(mode="json", include=set(SHAPING))
    return digest(
        {
            "code": files,
            "libraries": dict(code.libraries),
            "prompts": prompt_files.role_digest(),
            "threshold": settings.threshold,
            "least_likelihood": settings.least_likelihood,
            "form": shaping,
        }
    )
