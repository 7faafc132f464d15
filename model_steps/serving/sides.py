"""Which users of a day are served by which release, and which shards do them: all by one, or two sides of a canary.

On a day with a canary the last shards are its own. They are named ``canary-4/4``: numbered through with the others,
since a day's shards are one partition, and told apart, so that nobody runs one without knowing of the canary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lake.delta.work import Step
from lake.registry.canary import BESIDE, CANARY, Canary, own_shards
from model_steps.agents import population
from runtime.errors import UsageError

PREFIX = f"{CANARY}-"


@dataclass(frozen=True)
class Side:
    """Users with their release.

    Args:
        name: ``canary`` or ``beside``; empty where one release serves all.
        release: its name.
        users: sorted.
        first: number of its first shard, from 0, among all of the day's. shards: how many it has.
    """

    name: str
    release: str
    users: Sequence[str]
    first: int
    shards: int

    def has(self, number: int) -> bool:
        """Whether a shard is of this side, by its number from 0."""
        return self.first <= number < self.first + self.shards

    def users_of(self, number: int) -> list[str]:
        """The users of one of its shards."""
        return population.shard_of(self.users, number - self.first, self.shards)

    def shard_name(self, number: int, shards: int) -> str:
        """As ``--shard`` names one of its shards.

        Args:
            number: from 0. shards: of the whole day.
        """
        return f"{PREFIX if self.name == CANARY else ''}{number + 1}/{shards}"


def sides_of(users: Sequence[str], shards: int, release: str, canary: Canary | None) -> tuple[Side, ...]:
    """The sides of a day: one, or two with a canary.

    Args:
        users: everybody who is served, sorted. shards: of the day. release: that serves all without a canary.

    Raises:
        UsageError: two sides do not go into one shard.
    """
    if canary is None:
        return (Side("", release, users, 0, shards),)
    of_side: dict[str, list[str]] = {BESIDE: [], CANARY: []}
    for user in users:
        of_side[canary.side_of(user)].append(user)
    own = own_shards(canary.share, shards)
    return (
        Side(BESIDE, canary.beside, of_side[BESIDE], 0, shards - own),
        Side(CANARY, canary.release, of_side[CANARY], shards - own, own),
    )


def place_of(shard: str, sides: Sequence[Side]) -> int:
    """Which of the sides a shard is of.

    Raises:
        UsageError: its name is that of another side's.
    """
    number, shards = population.parse_shard(shard.removeprefix(PREFIX))
    (place,) = (place for place, side in enumerate(sides) if side.has(number))
    if (wanted := sides[place].shard_name(number, shards)) != shard:
        raise UsageError(f"The shard {shard!r} is {wanted!r} here: name it so, with the --canary that split the users.")
    return place


def name_of_day(step: Step, day: str, sides: Sequence[str], canary: Canary | None) -> str:
    """Fingerprint of a day's inference. All shards share it, and so agree on whether there is anything to do.

    Args:
        step: that infers. sides: fingerprint of each side's work.
    """
    if canary is None:
        (only,) = sides
        return only
    return step.work({"sides": list(sides)}, {"day": day, "canary": canary.document()})


def served_by(release: str, canary: Canary | None) -> Callable[[str], str]:
    """The release for each user's id."""
    return canary.release_for if canary else lambda _user: release
