"""What tests of several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lake.store.location import Lake

# The engine in float32 on every machine: bfloat16, the default where it is native, flips near-ties sooner, and tests
# compare answers of one prompt in two forms, and of two runs. What `auto` comes to has tests of its own.
os.environ.setdefault("INTENTFLOW_ENGINE__DTYPE", "float32")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake in a folder of the test's own."""
    return Lake.open(tmp_path / "lake")
