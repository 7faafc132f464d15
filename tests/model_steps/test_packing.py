"""A batch without padding gives the vectors of a padded one."""

from __future__ import annotations

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from model_steps.embedding.embedder import MAXIMUM_TOKENS, Embedder, Vectors

# Equal to the last bit on the processors that were tried; another may choose another product for fewer rows.
ROUNDING = 1e-6

TEXTS = [
    "milk",
    "fluid milk products, white only, one gallon",
    "",
    "crème brûlée 2x90g",
    "a much longer text that names a frozen pizza with four cheeses, twelve ounces, and then the brand and the size",
]


def padded(embedder: Embedder, texts: list[str]) -> Vectors:
    """As the library computes it by itself, all texts as long as the longest; pooled by the mean, of unit length."""
    tokenizer = AutoTokenizer.from_pretrained(embedder.folder, local_files_only=True)
    model = AutoModel.from_pretrained(embedder.folder, local_files_only=True, attn_implementation="sdpa").eval()
    encoded = tokenizer(texts, padding=True, truncation=True, max_length=MAXIMUM_TOKENS, return_tensors="pt")
    with torch.inference_mode():
        states = model(**encoded).last_hidden_state
        mask = encoded["attention_mask"].unsqueeze(-1).to(states.dtype)
        pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return np.asarray(torch.nn.functional.normalize(pooled, dim=1).numpy(), np.float32)


def test_packed_vectors_are_the_padded_ones() -> None:
    texts = sorted(TEXTS, key=len)
    embedder = Embedder()
    assert embedder._packs
    np.testing.assert_allclose(embedder.embed(texts), padded(embedder, texts), rtol=0, atol=ROUNDING)


def test_a_single_text_and_texts_of_one_length_need_no_mask() -> None:
    embedder = Embedder()
    for texts in (["bread"], ["milk", "beer", "rice"]):
        np.testing.assert_allclose(embedder.embed(texts), padded(embedder, texts), rtol=0, atol=ROUNDING)
