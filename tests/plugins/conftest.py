"""What tests of the pages share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lake.store.location import Lake
from settings import LakeSettings, Settings
from tests.plugins.shop import Shop, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A small lake with two published days and two decisions, which nobody changes."""
    lake = Lake.open(tmp_path_factory.mktemp("shop") / "lake")
    return build(lake, Settings(lake=LakeSettings(uri=lake.root)))


@pytest.fixture
def shop(built: Shop, tmp_path: Path) -> Shop:
    """A copy of it for one test."""
    shutil.copytree(built.lake.root, tmp_path / "lake")
    lake = Lake.open(tmp_path / "lake")
    return Shop(lake, Settings(lake=LakeSettings(uri=lake.root, data_docs=tmp_path / "docs")), built.go, built.no_go)
