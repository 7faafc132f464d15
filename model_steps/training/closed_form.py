"""The adaptor's start: ridge regression from an entity's embedding to the mean of its text's token embeddings.

A linear map is exactly a two-layer ReLU network of twice the width: x = ReLU(x) - ReLU(-x).
"""

from __future__ import annotations

import numpy as np

from model_steps.embedding.adaptor import Adaptor, Weights
from model_steps.embedding.embedder import Vectors
from runtime.errors import ConfigurationError


def ridge(h: Vectors, target: Vectors, penalty: float) -> tuple[Weights, Weights]:
    """The matrix A (d_LLM x d_emb) and the vector b (d_LLM) that make A h + b nearest to the targets.

    Args:
        h: a row of d_emb for each entity. target: a row of d_LLM for each. penalty: of A's size, by entity.
    """
    wide, wanted = h.astype(np.float64), target.astype(np.float64)
    mean_h, mean_target = wide.mean(axis=0), wanted.mean(axis=0)
    centered = wide - mean_h
    square = centered.T @ centered + penalty * len(h) * np.eye(h.shape[1])
    a = np.linalg.solve(square, centered.T @ (wanted - mean_target)).T
    return a.astype(np.float32), (mean_target - a @ mean_h).astype(np.float32)


def refuse_too_few(hidden: int, width: int) -> None:
    """Refuse fewer hidden units than a linear map of embeddings of a width needs.

    Raises:
        ConfigurationError: naming the setting.
    """
    if hidden < 2 * width:
        raise ConfigurationError(
            f"INTENTFLOW_ADAPTOR__HIDDEN is {hidden}: an embedder of {width} numbers wants at least {2 * width}."
        )


def as_adaptor(a: Weights, b: Weights, hidden: int, embedder: str, model: str, seed: int) -> Adaptor:
    """A linear map as an adaptor; hidden units beyond what it needs start silent.

    Raises:
        ConfigurationError: there are too few hidden units.
    """
    width = a.shape[1]
    refuse_too_few(hidden, width)
    spare = hidden - 2 * width
    identity = np.eye(width, dtype=np.float32)
    first = np.random.default_rng(seed).normal(0, width**-0.5, (spare, width)).astype(np.float32)
    return Adaptor(
        w1=np.concatenate([identity, -identity, first]),
        b1=np.zeros(hidden, np.float32),
        w2=np.concatenate([a, -a, np.zeros((len(b), spare), np.float32)], axis=1),
        b2=b,
        embedder=embedder,
        model=model,
    )
