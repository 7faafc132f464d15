"""What a reviewer reads in Required Actions: what a gate decided on, as Markdown. Pure functions.

Airflow renders Markdown there, and no HTML. What came from outside, such as names of categories, is shown as code, so
that no text of an item becomes a link, a picture or a row of a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from settings import CanarySettings

if TYPE_CHECKING:
    from lake.registry.evidence import Evidence

# Where Airflow shows the reports of gates.
PAGES = "/gates"
Samples = Mapping[str, Sequence[str]]
# Of one name or figure that is shown as code.
LONGEST = 80
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~-])")
_BLANKS = re.compile(r"\s+")


def report_page(evidence: str) -> str:
    """Where Airflow shows the report of some evidence, as a path."""
    return f"{PAGES}/evidence/{quote(evidence, safe='')}"


def body(
    evidence: Evidence,
    decision: Mapping[str, Any],
    candidate: Samples,
    champion: Samples,
    report: str,
    canary: CanarySettings | None = None,
) -> str:
    """All that a reviewer sees, short enough to be read.

    Args:
        decision: as the evidence's ``decision.json`` says it.
        candidate, champion: the first categories of some users, by pseudonym; the champion's empty where there is none.
        report: address of the report on the lake.
        canary: whom the candidate serves first (default: all).
    """
    beside = code(evidence.champion) if evidence.champion else "nobody: there is no champion yet"
    return "\n".join(
        [
            f"**{plain(evidence.verdict)}** for {code(evidence.candidate)}, beside {beside}.",
            "",
            *(f"- {plain(sentence)}" for sentence in evidence.why),
            "",
            f"Policy {code(evidence.policy)}, evaluation day {code(evidence.day)}, evidence {code(evidence.name)}.",
            f"[The whole report]({report_page(evidence.name)}), on the lake: {code(report, len(report))}",
            "",
            f"### Checks\n\n{plain(str(decision['correction']))}",
            "",
            *_checks(decision["checks"]),
            "",
            "### What they say to the same users",
            "",
            "By pseudonym, best first. Bold: the other one does not say it.",
            "",
            *_samples(candidate, champion),
            "### Your answer",
            "",
            "Approve makes the candidate champion: refreshes that begin from then on use "
            f"it{_for_whom(evidence, canary)}. Reject, or no answer, leaves all as it is. Leave the field *Seen* as it "
            "is: it says which page you read.",
        ]
    )


def _for_whom(evidence: Evidence, canary: CanarySettings | None) -> str:
    """Whom an approved candidate serves first, where that is not everybody."""
    if canary is None or not canary.days or not evidence.champion:
        return ""
    return (
        f", for {canary.share:.0%} of the users as a canary until {canary.days} days are published, and for all "
        "afterwards"
    )


def of_evidence(
    evidence: Evidence, files: Mapping[str, bytes], report: str, canary: CanarySettings | None = None
) -> str:
    """The same of the evidence's files.

    Raises:
        DataError: results of users are none.
    """
    # Imported here: the DAG file that imports this one is parsed every few seconds.
    from lake.registry.user_results import parse

    def samples(name: str) -> Samples:
        return parse(files[name], name).header.samples if name in files else {}

    decision = json.loads(files["decision.json"])
    return body(evidence, decision, samples("candidate.parquet"), samples("champion.parquet"), report, canary)


def code(text: str, longest: int = LONGEST) -> str:
    """A text that Markdown shows as it is, whatever it holds."""
    shown = _BLANKS.sub(" ", text).strip().replace("`", "'").replace("|", "/")
    return f"`{shown[:longest] or ' '}`"


def plain(text: str) -> str:
    """A sentence of ours, with what Markdown would read as form, and what it would make a link of, taken away."""
    flat = _BLANKS.sub(" ", text).replace("://", ": //").replace("www.", "www .")
    return _MARKDOWN.sub(r"\\\1", flat)


def _checks(checks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| check | tier | state | candidate | champion | found (bounds) | limit | users |"
    yield "|---|---|---|---|---|---|---|---|"
    for check in checks:
        bounds = "" if check["figure"] is None else f"{_number(check['figure'])} ({_bounds(check)})"
        cells = (
            code(check["name"]),
            plain(check["tier"]),
            plain(check["state"]),
            _number(check["candidate"]),
            _number(check["champion"]),
            bounds if bounds or check["kind"] != "condition" else plain(check["why"]),
            _number(check["limit"]),
            "" if check["users"] is None else f"{check['users']:,}",
        )
        yield f"| {' | '.join(cells)} |"


def _bounds(check: Mapping[str, Any]) -> str:
    return " to ".join(_number(check[name]) or "no bound" for name in ("low", "high"))


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.4g}"


def _samples(candidate: Samples, champion: Samples) -> Iterator[str]:
    for user, said in sorted(candidate.items()):
        beside = champion.get(user, ())
        yield f"| {code(user[:16])} | candidate | champion |"
        yield "|---|---|---|"
        for place in range(max(len(said), len(beside))):
            yield f"| {place + 1} | {_said(said, beside, place)} | {_said(beside, said, place)} |"
        yield ""
    if not candidate:
        yield "The results hold no samples."
        yield ""


def _said(said: Sequence[str], other: Sequence[str], place: int) -> str:
    if place >= len(said):
        return ""
    shown = code(said[place])
    return shown if said[place] in other or not other else f"**{shown}**"
