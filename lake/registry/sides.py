"""The two sides of a day with a canary: whether each user was served by the right release, and what they came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from lake.delta import tables
from lake.registry.canary import BESIDE, CANARY, Canary
from lake.registry.judged_days import TIER_NAMES
from lake.store.location import Lake
from runtime.errors import DataError
from schemas import failures, intents, verdicts

SIDES = (CANARY, BESIDE)
# What failures are of users, and no other unit of work.
INFERENCE = "infer"
USERS, FAILURES, TAGS, OUTPUTS = "users", "failures", "tags_per_user", "judged_outputs"
# In this order where people see them.
FIGURES = (USERS, FAILURES, TAGS, OUTPUTS, *TIER_NAMES.values())
_OF_VERDICTS = {f"{side}.{name}" for side in SIDES for name in (OUTPUTS, *TIER_NAMES.values())}


def is_of_verdicts(figure: str) -> bool:
    """Whether a figure changes when verdicts come later."""
    return figure in _OF_VERDICTS


def of_intents(lake: Lake, day: str, canary: Canary) -> dict[str, float]:
    """Users, failures and tags a user of each side, from the day's published rows.

    Raises:
        DataError: a user has intents of another release than serves them.
    """
    rows = tables.read(lake, intents.TABLE, day, columns=["user_id", "release"]).to_pylist()
    served = {(row["user_id"], row["release"]) for row in rows}
    if wrong := sorted(user for user, release in served if release != canary.release_for(user)):
        raise DataError(
            f"Of {len(wrong)} users of {day} ({wrong[0]} first) the intents are another release's than the canary of "
            f"the record {canary.record} gives them: clear all of `infer.shard` and run it again."
        )
    failed = tables.read(lake, failures.TABLE, day, columns=["key"], filters=[("step", "=", INFERENCE)])
    users = Counter(canary.side_of(user) for user, _ in served)
    tags = Counter(canary.side_of(row["user_id"]) for row in rows)
    lost = Counter(canary.side_of(user) for user in failed["key"].to_pylist())
    found: dict[str, float] = {}
    for side in SIDES:
        found |= {f"{side}.{USERS}": users[side], f"{side}.{FAILURES}": lost[side]}
        if users[side]:
            found[f"{side}.{TAGS}"] = round(tags[side] / users[side], 4)
    return found


def of_verdicts(lake: Lake, day: str, canary: Canary) -> dict[str, float]:
    """Judged outputs of each side, and the shares of their tiers, from the day's published verdicts."""
    rows = tables.read(lake, verdicts.TABLE, day, columns=["user_id", "tier"]).to_pylist()
    tiers = Counter((canary.side_of(row["user_id"]), row["tier"]) for row in rows)
    found: dict[str, float] = {}
    for side in SIDES:
        outputs = sum(tiers[side, tier] for tier in TIER_NAMES)
        found[f"{side}.{OUTPUTS}"] = outputs
        if outputs:
            found |= {f"{side}.{name}": round(tiers[side, tier] / outputs, 4) for tier, name in TIER_NAMES.items()}
    return found


def beside_one_another(figures: Mapping[str, float]) -> list[tuple[str, float | None, float | None]]:
    """Name, the canary's figure and that of the release beside it; what neither has is left out."""
    pairs = [(name, figures.get(f"{CANARY}.{name}"), figures.get(f"{BESIDE}.{name}")) for name in FIGURES]
    return [pair for pair in pairs if pair[1:] != (None, None)]
