"""Padding costs nothing: a BERT's layers see real tokens alone, and only attention sees them side by side.

Of a batch of short texts a third is padding, on which the matrix products (nine tenths of the work) are wasted. So
the real tokens of all texts run through the layers as one row, and attention spreads them out, as wide as the batch
would have been. Each token's numbers are the same (to the last bit on the processors that were tried): a product does
not depend on its other rows, and attention is given what it is given in a padded batch.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

ATTENTION = "intentflow_packed"


def packed_states(model: PreTrainedModel, encoded: Any) -> Any:
    """The last hidden states of a padded batch; zeros where there is padding.

    Args:
        model: loaded with the attention ``ATTENTION``.
        encoded: the tokenizer's tensors, texts x tokens.

    Returns:
        A tensor of texts x tokens x width.
    """
    real = encoded["attention_mask"].bool()
    positions = torch.arange(real.shape[1]).expand(real.shape)
    row = {name: encoded[name][real].unsqueeze(0) for name in ("input_ids", "token_type_ids")}
    states = model(**row, position_ids=positions[real].unsqueeze(0), real=real).last_hidden_state[0]
    padded = states.new_zeros(*real.shape, states.shape[-1])
    padded[real] = states
    return padded


def _attend(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, *, real: Any, **options: Any) -> Any:
    """Attention within each text. query, key, value: 1 x heads x tokens x width. real: texts x tokens."""

    def spread(states: Any) -> Any:
        padded = states.new_zeros(*real.shape, states.shape[1], states.shape[3])
        padded[real] = states[0].transpose(0, 1)
        return padded.transpose(1, 2)

    texts, tokens = real.shape
    mask = None if bool(real.all()) else real[:, None, None, :].expand(texts, 1, tokens, tokens)
    attended, _weights = sdpa_attention_forward(module, spread(query), spread(key), spread(value), mask, **options)
    return attended[real].unsqueeze(0), None


AttentionInterface.register(ATTENTION, _attend)
