"""What the catalog looked like that an entity adaptor was trained on: enough to see that another one is another one.

An adaptor projects whatever it gets, also embeddings from regions that its training never saw, and no error says so.
Centers of the training entities stand for the regions it saw; an entity is near when its embedding is as near to one
of them as all but few of the entities that the adaptor's training left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from model_steps.embedding.embedder import Vectors
from model_steps.embedding.tensor_file import ABOUT, about
from runtime.errors import DataError

FORMAT = "intentflow catalog references 1"
# 512 centers of 384 numbers in half precision are 0.4 MB.
CENTERS = 512
# Share of the left-out entities that may lie farther out than `near`.
OUTLYING = 0.05


@dataclass(frozen=True)
class References:
    """Centers of a catalog's embeddings.

    Args:
        centers: centers x d_emb, of unit length.
        near: cosine to the nearest center from which on an embedding counts as near.
    """

    centers: Vectors
    near: float

    def share_near(self, embeddings: Vectors) -> float:
        """Share of embeddings (rows of unit length) that are near; 1 where there are none."""
        if not len(embeddings):
            return 1.0
        return float(((embeddings @ self.centers.T).max(axis=1) >= self.near).mean())

    def save(self) -> bytes:
        """As a safetensors file in half precision."""
        head = {"format": FORMAT, "near": self.near}
        return bytes(
            save_tensors({"centers": self.centers.astype(np.float16)}, {ABOUT: json.dumps(head, sort_keys=True)})
        )


def learn(trained_on: Vectors, left_out: Vectors, number: int = CENTERS) -> References:
    """References of a catalog.

    Args:
        trained_on: embeddings (rows of unit length) that the adaptor learns from.
        left_out: others of the same catalog, which set what near means.
        number: of centers, at most.
    """
    # Only training needs it: a refresh does not load it.
    from sklearn.cluster import KMeans

    centers = trained_on
    if len(trained_on) > number:
        centers = KMeans(number, n_init=1, max_iter=30, random_state=0).fit(trained_on).cluster_centers_
        centers = centers / np.linalg.norm(centers, axis=1, keepdims=True)
    # As they will be read again.
    halved = centers.astype(np.float16).astype(np.float32)
    measured = left_out if len(left_out) else trained_on
    return References(halved, round(float(np.quantile((measured @ halved.T).max(axis=1), OUTLYING)), 4))


def load(content: bytes, width: int, where: str) -> References:
    """Read references.

    Args:
        content: of the file.
        width: d_emb.
        where: the file's name, for the sentence.

    Raises:
        DataError: they are none, or of embeddings of another width.
    """
    try:
        centers, head = load_tensors(content)["centers"].astype(np.float32), about(content)
        near = float(head["near"])
        sound = head["format"] == FORMAT and centers.shape[1:] == (width,) and len(centers) > 0
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{where} holds no references of a catalog ({error}): restore it.") from None
    if not sound or not np.isfinite(centers).all() or not -1 <= near <= 1:
        raise DataError(f"{where} holds no references of the format {FORMAT!r} for embeddings of {width}: restore it.")
    return References(np.ascontiguousarray(centers), near)
