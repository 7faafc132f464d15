"""How many of the model's own tokens a text is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
from tokenizers import Tokenizer

from runtime.errors import ConfigurationError


def tokenizer_of(model: Path) -> str:
    """The tokenizer of a model folder, as JSON.

    Raises:
        ConfigurationError: the folder has none.
    """
    try:
        return (model / "tokenizer.json").read_text()
    except FileNotFoundError:
        raise ConfigurationError(
            f"No tokenizer.json in {model}: run `python -m model_steps.weights`, or set INTENTFLOW_ENGINE__MODEL."
        ) from None


class TokenCounter:
    """Counts tokens. A text's pieces may be counted apart where a space or a line break stands between them: there the
    tokenizer splits first."""

    def __init__(self, tokenizer: str) -> None:
        self._tokenizer = _load(tokenizer)

    def of(self, text: str) -> int:
        """Tokens of one text."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def of_each(self, texts: pl.Series) -> pl.Series:
        """Tokens of each text (Int32); equal texts are counted once."""
        distinct = texts.unique().drop_nulls()
        encodings = self._tokenizer.encode_batch_fast(distinct.to_list(), add_special_tokens=False)
        lengths = pl.Series([len(encoding) for encoding in encodings], dtype=pl.Int32)
        return texts.replace_strict(distinct, lengths, return_dtype=pl.Int32)

    def of_column(self, frame: pl.DataFrame, text: pl.Expr) -> pl.Series:
        """Tokens of a text that is formatted from each row (Int32)."""
        return self.of_each(frame.select(text).to_series())


@cache
def _load(tokenizer: str) -> Tokenizer:
    return Tokenizer.from_str(tokenizer)
