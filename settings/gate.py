"""Settings of the gate."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from settings.section import PathBelowRoot, Section


class GateSettings(Section):
    """What decides whether a candidate may be promoted."""

    policy: PathBelowRoot = Field(
        default=Path("policies/shipped.yaml"),
        description="The policy: what is checked of a candidate and how strictly. Its name and digest are evidence.",
    )
    known_prompts: int = Field(
        default=4, ge=1, le=64, description="Known prompts that each role of a release is asked before its gate."
    )
