"""From evidence to the champion log: what a gate let through, or what a person overrides, and nothing else."""

from __future__ import annotations

from lake.registry import champions, evidence, releases
from lake.registry.champions import Record, Terms
from lake.store.location import Lake
from runtime.errors import DataError, RaceLost, UsageError


def promote_reviewed(
    lake: Lake, name: str, reviewer: str, comment: str = "", override: str = "", canary: Terms | None = None
) -> Record:
    """Make the candidate of some evidence champion.

    The record goes behind the one that the gate saw last: so evidence promotes once, and not over a champion whom the
    gate did not know.

    Args:
        name: of the evidence.
        reviewer: who approved. comment: theirs.
        override: the reason for promoting although the gate did not say GO; empty: it must have.
        canary: terms on which the candidate does not serve all at once, where there is a champion beside it.

    Raises:
        UsageError: no reviewer is named, the gate did not say GO, or it did and an override is asked for.
        SourceMissing: there is no such evidence. DataError: it, or the release, was changed.
        RaceLost: there is another champion by now than the gate compared with.
    """
    if not reviewer.strip():
        raise UsageError("A promotion names its reviewer: nobody approved this one.")
    found, _ = evidence.read(lake, name)
    is_go = found.verdict == evidence.GO
    if not is_go and not override.strip():
        raise UsageError(
            f"The gate said {found.verdict} of {found.candidate} ({' '.join(found.why)}): it is promoted by an "
            "override with a reason, or not at all."
        )
    if is_go and override:
        raise UsageError(f"The gate said GO of {found.candidate}: there is nothing to override, so promote it.")
    release, _ = releases.read(lake, found.candidate)
    last = champions.current(lake)
    number, champion = (last.number, last.release) if last else (0, "")
    if number > found.record:
        raise RaceLost(
            f"The gate saw the record {found.record} of the champion log, and by now there is {number}, of {champion}: "
            "run the gate again, against that champion."
        )
    if (number, champion) != (found.record, found.champion):
        raise DataError(
            f"The evidence {name} is of a champion log that is not this lake's: its record {found.record} is "
            f"{found.champion or 'none'}, and here it is {champion or 'none'}."
        )
    reason = override or f"{found.verdict} by the policy {found.policy}"
    kind: champions.Kind = "promote" if is_go else "override"
    who, now, terms = champions.who(), champions.now(), champions.beside(last, release.name, canary)
    made = Record(number + 1, release.name, reason, who, now, kind, name, reviewer, comment, terms)
    return champions.append(lake, made)
