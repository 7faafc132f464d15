"""Conditions of a decision that are no figures of users: release, judge, holdout, and that two things are compared.

Each is a critical check, but that of the judge of captions, which is as weighty as what it gives. What is not there is
not so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.gate.checks import BREACH, INSUFFICIENT, MISSING, PASS, Check, State
from evaluation.gate.judged import CAPTIONS, TAGS
from evaluation.gate.policy import ReleaseLimits, Tier
from lake.registry.judge_records import Standing
from lake.registry.openings import Opening
from lake.registry.release_checks import ReleaseCheck
from lake.registry.user_results import Header

RELEASE, JUDGE, HOLDOUT, ITEMS, OUTPUTS = "release", TAGS.check, "holdout budget", "same items", "outputs"
CAPTION_JUDGE = CAPTIONS.check
# What two results must share, and the words for it.
SHARED = {"day": "day", "holdout": "frozen outcomes", "asked": "users, settings or code"}
# What a release is made for, and a lake has its own of.
PARTS = ("language model", "embedder", "prompts", "catalog")


def condition(name: str, state: State, why: str, tier: Tier = "critical") -> Check:
    return Check(name, "condition", tier, state, why)


def release_condition(
    limits: ReleaseLimits, release: str, check: ReleaseCheck | None, here: Mapping[str, str] | None
) -> Check:
    """Whether the release loads, answers within the limits, and belongs to this lake.

    Args:
        check: what was found when it was tried; None where it never was.
        here: digests of this lake's parts now; None where they cannot be told.
    """
    if check is None:
        how = f"try it with `python -m model_steps.check_release --release {release}`"
        return condition(RELEASE, MISSING, f"Nobody tried whether {release} loads and answers: {how}.")
    if here is None or any(part not in here for part in PARTS):
        return condition(RELEASE, MISSING, "What model, embedder, prompts and catalog this lake has cannot be told.")
    if check.release != release:
        return condition(RELEASE, BREACH, f"The record of its check is of {check.release}, not of {release}.")
    if not check.loaded:
        return condition(RELEASE, BREACH, f"{release} does not load: {check.problem}")
    if foreign := [part for part in check.made_for if check.made_for[part] != here.get(part)]:
        return condition(RELEASE, BREACH, f"{release} was made for another {' and '.join(foreign)} than is here.")
    if absent := [part for part in ("language model", "embedder", "prompts") if part not in check.made_for]:
        return condition(RELEASE, MISSING, f"The record does not say which {absent[0]} {release} was made for.")
    if stale := [part for part in PARTS if check.here.get(part) != here[part]]:
        return condition(RELEASE, BREACH, f"Since {release} was tried the {' and '.join(stale)} changed: try it again.")
    # A release that says nothing of a catalog has nothing trained on one.
    if check.catalog_near is not None and not check.catalog_near >= limits.catalog_near:
        near = f"{check.catalog_near:.0%} of the items are near to what {release} was trained on"
        return condition(RELEASE, BREACH, f"{near}, and {limits.catalog_near:.0%} are wanted.")
    if check.prompts < 1 or check.answered < check.prompts:
        return condition(RELEASE, BREACH, f"{release} answered {check.answered} of {check.prompts} known prompts.")
    measured = (
        ("seconds to load", check.load_seconds, limits.load_seconds),
        ("seconds for the known prompts", check.answer_seconds, limits.answer_seconds),
        ("GiB of memory", check.memory_gib, limits.memory_gib),
    )
    # Written so that a figure that is no number is over its limit.
    if over := [f"{found:g} {what}, and {most:g} are allowed" for what, found, most in measured if not found <= most]:
        return condition(RELEASE, BREACH, f"{release} took {'; '.join(over)}.")
    told = ", ".join(f"{found:g} {what}" for what, found, _ in measured)
    return condition(RELEASE, PASS, f"{release} loads, answers, and was made for what is here ({told}).")


def judge_condition(standing: Standing | None) -> Check:
    """Whether the judge may judge: examined with this code, not long ago, and passed."""
    if standing is None:
        return condition(JUDGE, MISSING, "There is no judge: set INTENTFLOW_JUDGE__RELEASE, and examine it.")
    return condition(JUDGE, _state_of(standing), _said_of(standing))


def caption_judge_condition(standing: Standing | None, tier: Tier) -> Check:
    """The same of the judge of captions.

    Args:
        standing: none where there is no such judge. tier: of the policy's figure of captions.
    """
    if standing is None:
        why = "There is no judge of captions: set INTENTFLOW_CAPTION_JUDGE__RELEASE to its folder, or make one with "
        return condition(CAPTION_JUDGE, MISSING, f"{why}`python -m model_steps.calibrate_caption_judge`.", tier)
    return condition(CAPTION_JUDGE, _state_of(standing), _said_of(standing), tier)


def _state_of(standing: Standing) -> State:
    states: Mapping[str, State] = {"valid": PASS, "missing": MISSING}
    return states.get(standing.state, BREACH)


def _said_of(standing: Standing) -> str:
    record = f" Record {standing.record}." if standing.record else ""
    return f"{standing.state}: {standing.reason}{record}"


def holdout_condition(most: int, day: str, opening: str, ledger: Sequence[Opening]) -> Check:
    """Whether the candidate's look at the day was one of those that the day is good for.

    Args:
        most: looks that a day is good for. opening: digest of the candidate's look. ledger: of the day.
    """
    own = next((entry for entry in ledger if entry.digest == opening), None)
    if own is None:
        return condition(HOLDOUT, MISSING, f"The candidate's look at {day} is not in the ledger of openings.")
    if own.number > most:
        return condition(
            HOLDOUT,
            INSUFFICIENT,
            f"The outcomes of {day} were looked at {own.number - 1} times before, and a day is good for {most} looks: "
            "the best of so many is good by chance. Freeze a newer day (docs/own_log.md) and measure there.",
        )
    return condition(HOLDOUT, PASS, f"This was look {own.number} at {day}, of {most} that a day is good for.")


def items_condition(
    candidate: Header, champion: Header | None, release: str, champion_release: str | None, holdout: str
) -> Check:
    """Whether the results are of these releases, and of the same frozen items, asked in the same way.

    Args:
        champion: of the champion's results; None where it was not measured.
        release: the candidate. champion_release: who is champion on this lake; None where nobody is.
        holdout: digest of what this lake has frozen for the day.
    """
    if candidate.release != release:
        return condition(ITEMS, BREACH, f"The candidate's results are of {candidate.release}, not of {release}.")
    if candidate.holdout != holdout:
        return condition(
            ITEMS, BREACH, f"This lake has other outcomes of {candidate.day} frozen than were measured on."
        )
    if champion_release is None:
        return condition(ITEMS, PASS, "Nobody is champion yet, so the candidate stands alone.")
    if champion is None:
        return condition(ITEMS, MISSING, f"The champion {champion_release} was not measured beside the candidate.")
    if champion.release != champion_release:
        return condition(
            ITEMS, BREACH, f"The champion is {champion_release}, and the results beside are of {champion.release}."
        )
    differ = [words for name, words in SHARED.items() if getattr(candidate, name) != getattr(champion, name)]
    if differ:
        return condition(ITEMS, BREACH, f"Candidate and champion were measured with other {' and '.join(differ)}.")
    return condition(ITEMS, PASS, f"Both were measured on the same users of {candidate.day}, asked in the same way.")


def outputs_condition(candidate: Header, champion: Header | None) -> Check:
    """Whether the candidate says anything else than the champion."""
    if champion is not None and candidate.outputs == champion.outputs:
        return condition(OUTPUTS, INSUFFICIENT, "The candidate says word for word what the champion says.")
    return condition(OUTPUTS, PASS, "The candidate says something else than the champion.")
