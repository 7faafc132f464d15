"""What tests of several rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake.store.location import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake in a folder of the test's own."""
    return Lake.open(tmp_path / "lake")
