"""The page "Gates": champion, canary, decisions, main metrics, holdout budget, judges."""

from __future__ import annotations

from lake.pages.budget import budgets
from lake.pages.decisions import checks_of, decisions_of, holdout_openings
from lake.pages.paging import paged
from lake.pages.templates import rendered
from lake.pages.trend import HEIGHT, WIDTH, trends
from lake.registry import champions, judges
from lake.registry.canary_course import course_of
from lake.registry.openings import earlier_openings
from lake.store.location import Lake
from settings import Settings

# Decisions and records of champions on one page, and decisions in a plot.
SIZE = 20
PLOTTED = 30


def gates_page(lake: Lake, settings: Settings, number: int, log_number: int) -> str:
    """The page as HTML.

    Args:
        number: which page of the decisions. log_number: which page of the champion log; both from 1.

    Raises:
        DataError: a record of the champion log, of the ledger or of a judge was changed.
        ConfigurationError: the list of earlier openings cannot be read.
    """
    records = champions.log_of(lake)
    log = list(reversed(records))
    decisions = decisions_of(lake)
    promoted = {record.evidence: record for record in log if record.evidence}
    newest = [one for one in decisions if one.evidence][:PLOTTED]
    decided = [
        (f"{one.evidence.at} {one.evidence.candidate}", one.evidence.verdict, checks_of(lake, one))
        for one in reversed(newest)
        if one.evidence
    ]
    policy = holdout_openings(lake, decisions)
    return rendered(
        "gates.html",
        title="Gates",
        champion=log[0] if log else None,
        canary=course_of(lake, records),
        log=paged(log, log_number, SIZE),
        decisions=paged(decisions, number, SIZE),
        promoted=promoted,
        trends=trends(decided),
        width=WIDTH,
        height=HEIGHT,
        budgets=budgets(lake, policy[0] if policy else None, earlier_openings(settings.source)),
        policy=policy[1] if policy else "",
        judges=judges.examined_judges(lake, settings.judge),
        note=judges.NOT_COMPARED,
    )
