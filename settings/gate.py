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
    judged_users: int = Field(
        default=80,
        ge=0,
        description="Users whose first tags are judged, of candidate and champion the same, drawn by a stable hash; "
        "0: all that were evaluated. More than the policy's least_users of the judge's shares.",
    )
    judged_tags: int = Field(
        default=10, ge=1, le=30, description="Tags of each of them that are judged, from the first."
    )
    captioned_users: int = Field(
        default=80,
        ge=0,
        description="Users for whom candidate and champion write captions, which the judge of captions looks at, drawn "
        "as those whose tags are judged; 0: all that were evaluated. About three captions each.",
    )
