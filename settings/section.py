"""What every group of settings is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

ROOT = Path(__file__).resolve().parents[1]


def _below_root(path: Path) -> Path:
    return path if path.is_absolute() else ROOT / path


PathBelowRoot = Annotated[Path, AfterValidator(_below_root)]


class Section(BaseModel):
    """A group of settings; unknown names are refused, so a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
