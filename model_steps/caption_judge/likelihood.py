"""How likely the language model finds a caption's words in their order: what is far from any English is no sentence.

The judge's closed questions to the model help nowhere (docs/caption_judge.md); its own probabilities find words that
are strung together at random, which no list of words can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from runtime.progress import Progress

# Mean log-probability of each caption's tokens but the first, each at least RAREST, in nats; 0 at most.
Likely = Callable[[Sequence[str]], Sequence[float]]

# No token counts for less: a rare word is no broken sentence. With it, and without the first token, which any caption
# pays for, fewer captions that read well are taken for none (docs/caption_judge.md).
RAREST = -7.0
# Captions of equally many tokens that are looked at together.
TOGETHER = 64
# So that how captions are put together, which moves the last digits, moves no verdict.
DIGITS = 2


class Likelihood:
    """Reads captions with a language model, in float32, each once.

    Args:
        folder: of the model. It is loaded when the first caption is to be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, float] = {}

    def __call__(self, captions: Sequence[str]) -> list[float]:
        """Mean log-probability of each caption's tokens behind its first; 0 of one that has none.

        A model whose texts have no sign of their own at the beginning is shown that of an end, as between two texts.
        """
        new = sorted(set(captions) - self._known.keys())
        if new:
            self._known |= _read(self._folder, new)
        return [self._known[caption] for caption in captions]


def _read(folder: Path, captions: Sequence[str]) -> dict[str, float]:
    import torch

    tokenizer, model = _loaded(folder)
    begins = next(sign for sign in (tokenizer.bos_token_id, tokenizer.eos_token_id) if sign is not None)
    tokens = {caption: tokenizer(caption, add_special_tokens=False).input_ids for caption in captions}
    found = {caption: 0.0 for caption, own in tokens.items() if len(own) < 2}
    by_length: dict[int, list[str]] = {}
    for caption, own in tokens.items():
        if len(own) > 1:
            by_length.setdefault(len(own), []).append(caption)
    # Whoever judges a chunk tells of chunks.
    progress = Progress(len(captions), "captions read", every_seconds=20) if len(captions) > TOGETHER else None
    for alike in by_length.values():
        for start in range(0, len(alike), TOGETHER):
            some = alike[start : start + TOGETHER]
            given = torch.tensor([[begins, *tokens[caption]] for caption in some])
            with torch.inference_mode():
                shares = model(given).logits[:, :-1].log_softmax(-1)
            own = shares.gather(2, given[:, 1:, None])[:, 1:, 0]
            means = own.clamp(min=RAREST).mean(dim=1).tolist()
            found |= {caption: round(mean, DIGITS) for caption, mean in zip(some, means, strict=True)}
            if progress:
                progress.advance(len(some))
    return found


@cache
def _loaded(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    only_here = {"local_files_only": True, "trust_remote_code": False}
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, **only_here)
    return AutoTokenizer.from_pretrained(folder, **only_here), model.eval()
