"""What judges say of candidate and champion, beside their other figures: which results are a pair.

A judge's figures come later than the others and are of some of the users, so they are results of their own: of a
release's tags, or of the captions that it writes for these. They are taken where they are of the very tags that were
measured, by the judge that has standing now, and of the same users, asked alike, in both releases. Everything else is
as if nobody had judged, with a sentence that says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from evaluation.gate.user_figures import ALL, SCHEMA
from lake.registry.judge_records import Standing
from lake.registry.openings import Opening
from lake.registry.user_results import UserResults

# Of a user's judged tags the share with a tier, by the name of the metric.
SUPERIOR, BAD = "share_superior", "share_bad"
TIERS: Mapping[str, str] = {SUPERIOR: "S", BAD: "B"}
# Of the items that were chosen for a user the share with a caption that passes all seven dimensions (PAPER 2.2).
PASSING = "share_captions_passing"
# Under which the header of a judge's results says what record the judge had.
RECORD = "record"
# What was measured and what was judged must share, and the words for it.
SHARED = {"release": "release", "day": "day", "holdout": "frozen outcomes", "outputs": "tags"}


@dataclass(frozen=True)
class Subject:
    """What is judged.

    Args:
        words: for it. metrics: names of its figures. check: the condition that tells of the judge's standing.
        command: that judges it.
    """

    words: str
    metrics: tuple[str, ...]
    check: str
    command: str


TAGS = Subject("tags", tuple(TIERS), "judge", "model_steps.judge_candidate")
CAPTIONS = Subject("captions", (PASSING,), "caption judge", "model_steps.judge_candidate_captions")


@dataclass(frozen=True)
class Judged:
    """A pair of a judge's results that a gate may read, or none.

    Args:
        candidate, champion: the champion's None where nobody is champion.
        why: why there is no pair; empty where there is one.
    """

    candidate: UserResults | None = None
    champion: UserResults | None = None
    why: str = "No tags were judged."

    def rows(self) -> dict[str, pa.Table]:
        """Rows of both, by whose they are."""
        of = {"candidate": self.candidate, "champion": self.champion}
        return {who: results.rows for who, results in of.items() if results is not None}


def judged_rows(measured: pa.Table, tiers: Mapping[str, Sequence[str]]) -> pa.Table:
    """Rows of ``SCHEMA``: of each user's judged tags how many are S and how many B.

    Args:
        measured: rows of the release's other figures, which say the users' groups.
        tiers: of the judged tags, by user; a user without any has no row.
    """
    groups = {row["user_id"]: row for row in measured.select(["user_id", "activity", "history"]).to_pylist()}
    rows = [
        {**groups[user], "metric": metric, "categories": ALL, "found": float(Counter(own)[tier]), "of": float(len(own))}
        for metric, tier in TIERS.items()
        for user, own in sorted(tiers.items())
        if own
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def caption_rows(measured: pa.Table, counts: Mapping[str, tuple[int, int]]) -> pa.Table:
    """Rows of ``SCHEMA``: of each user's items how many got a caption that passes.

    Args:
        measured: rows of the release's other figures, which say the users' groups.
        counts: passing captions and items, by user; a user without items has no row.
    """
    groups = {row["user_id"]: row for row in measured.select(["user_id", "activity", "history"]).to_pylist()}
    rows = [
        {**groups[user], "metric": PASSING, "categories": ALL, "found": float(passing), "of": float(items)}
        for user, (passing, items) in sorted(counts.items())
        if items
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def paired(
    measured: Sequence[UserResults],
    judged: Sequence[Sequence[UserResults]],
    standing: Standing | None,
    ledger: Sequence[Opening],
    most: int,
    subject: Subject = TAGS,
) -> Judged:
    """The pair that is of the most users, of those that a gate may read.

    Args:
        measured: other results of the candidate, and of the champion where there is one.
        judged: of each of these, what judges say of the release.
        standing: of the judge, now. ledger: openings of the day. most: looks that a day is good for.
        subject: what was judged.
    """
    if standing is None or standing.state != "valid":
        state = f" ({standing.state})" if standing else ""
        return Judged(why=f"The judge has no standing{state}: see the check `{subject.check}`.")
    usable: list[list[UserResults]] = []
    for own, found in zip(measured, judged, strict=True):
        flaws = [(_flaw(own, each, standing, ledger, most, subject), each) for each in found]
        usable.append([each for flaw, each in flaws if not flaw])
        if not usable[-1]:
            said = next((flaw for flaw, _ in flaws), "There are none.")
            how = f"`python -m {subject.command} --release {own.header.release} --day {own.header.day}`"
            return Judged(why=f"Verdicts on {subject.words} of {own.header.release}: {said} Judge them with {how}.")
    pairs = [
        (first, second)
        for first in usable[0]
        for second in (usable[1] if len(usable) > 1 else [None])
        if second is None or second.header.asked == first.header.asked
    ]
    if not pairs:
        return Judged(
            why=f"Candidate and champion were judged on other users, {subject.words} or code: judge both anew."
        )
    best = max(pairs, key=lambda pair: (pair[0].rows.num_rows, *(each.name for each in pair if each)))
    return Judged(*best, why="")


def _flaw(
    measured: UserResults,
    judged: UserResults,
    standing: Standing,
    ledger: Sequence[Opening],
    most: int,
    subject: Subject,
) -> str | None:
    """Why a judge's results are not to be read beside the others; None where they are."""
    header = judged.header
    if differ := [words for name, words in SHARED.items() if getattr(header, name) != getattr(measured.header, name)]:
        return f"What was judged has another {' and '.join(differ)} than what was measured."
    if header.asked.get(RECORD) != standing.record:
        return f"They were given under the record {header.asked.get(RECORD)}, and the judge's is {standing.record} now."
    if set(judged.rows["metric"].to_pylist()) - set(subject.metrics):
        return "They come with figures that no judge gives."
    if set(judged.rows["user_id"].to_pylist()) - set(measured.rows["user_id"].to_pylist()):
        return "They are of users on whom the release was not measured."
    look = next((opening for opening in ledger if opening.digest == header.opening), None)
    if look is None:
        return "Their look is not in the ledger of openings."
    if look.number > most:
        return f"Their look was number {look.number} at the day, and a day is good for {most}: freeze a newer day."
    return None
