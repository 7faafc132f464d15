"""What the catalog looked like that something was trained on, kept beside what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from lake.registry.releases import file_digest
from lake.registry.splits import Split, SplitRule
from model_steps.embedding import references
from model_steps.training.catalog import Catalog
from runtime import atomic


def write_picture(path: Path, catalog: Catalog, rule: SplitRule) -> dict[str, Any]:
    """Keep what the catalog looked like.

    Returns:
        The file's digest, the least cosine of what is near, and of held-out entities the share that is near.
    """
    trained_on, left_out, held_out = (catalog.embeddings[catalog.rows(rule, split)] for split in get_args(Split))
    found = references.learn(trained_on, left_out)
    content = found.save()
    atomic.write(path, content)
    share = round(found.share_near(held_out), 4)
    return {"references": file_digest(content), "near": found.near, "held_out_near": share}
