"""Settings of canaries: whether a promoted release first serves some of the users only, and for how long."""

from __future__ import annotations

from pydantic import Field

from settings.section import Section


class CanarySettings(Section):
    """A promotion keeps these in its record: a later change is for promotions from then on."""

    days: int = Field(
        default=0,
        ge=0,
        description="Published days on which a promoted release serves some of the users beside the champion before "
        "it, until it serves all. 0: it serves all at once.",
    )
    share: float = Field(
        default=0.1, gt=0, lt=1, description="Share of the users whom it serves then, drawn by a stable hash."
    )
