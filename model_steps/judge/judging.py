"""Judging outputs: evaluators asked, rules computed, guard heard, tiers given. Steps and benchmarks judge by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from model_steps.engine.asking import Request
from model_steps.judge import evaluators, reasons
from model_steps.judge.case import KIND, Case
from model_steps.judge.evaluators import Asking, Finding, Rule
from model_steps.judge.reviewer import Verdict, review
from model_steps.judge.shown import Showing
from runtime.errors import ConfigurationError
from schemas.judge_labels import DIMENSIONS
from schemas.verdicts import MODEL

if TYPE_CHECKING:
    # A type alone: no code of the agents decides a judgement.
    from model_steps.agents.hmas import Ask

# What is noticed in an output: a name for each trick, none in a harmless one.
Guard = Callable[[Case], Sequence[str]]


def judge(
    cases: Sequence[Case],
    ask: Ask,
    asking: Asking,
    rules: Mapping[str, Rule] | None = None,
    guard: Guard | None = None,
    seed: int | None = None,
) -> list[Verdict]:
    """The verdicts on cases, in their order.

    Flagged outputs are judged like the others, so that their verdicts keep all findings.

    Args:
        ask: answers requests, from a cache or a model.
        asking: with the settings that say which dimensions are rules, and whether reasons are wanted.
        rules: by dimension; those that the settings do not name are not used.
        guard: none: nothing is flagged.
        seed: for asking once more, with purchases and answers named in another order.

    Raises:
        ConfigurationError: the settings name a rule that there is not. InfrastructureError: the engine failed.
    """
    rules = rules or {}
    named = asking.settings.rules
    if missing := [name for name in named if name not in rules]:
        known = f"rules are known for {', '.join(sorted(rules))}" if rules else "no rules are known here"
        raise ConfigurationError(
            f"INTENTFLOW_JUDGE__RULES names {missing[0]}, and {known}: leave it out, so that the model is asked."
        )
    showing = asking.showing(seed)
    found = _graded([name for name in DIMENSIONS[KIND] if name not in named], cases, ask, asking, showing, seed)
    for name in named:
        found[name] = evaluators.computed(name, rules[name], cases)
    by_case = [[found[name][number] for name in DIMENSIONS[KIND]] for number in range(len(cases))]
    if asking.settings.reasons:
        by_case = _with_reasons(cases, by_case, ask, asking, showing)
    return [
        review(case.item_id, findings, asking.settings.threshold, guard(case) if guard else ())
        for case, findings in zip(cases, by_case, strict=True)
    ]


def _graded(
    dimensions: Sequence[str], cases: Sequence[Case], ask: Ask, asking: Asking, showing: Showing, seed: int | None
) -> dict[str, list[Finding]]:
    """Findings of the model, by dimension, asked in one go, customer by customer, while their prefix is cached."""
    asked = {name: evaluators.requests(cases, name, asking, seed, showing) for name in dimensions}
    first: dict[tuple[str, str], int] = {}
    for case in cases:
        first.setdefault((case.customer.user_id, case.customer.day), len(first))
    places = [(name, number) for name in dimensions for number in range(len(cases))]
    places.sort(key=lambda place: first[cases[place[1]].customer.user_id, cases[place[1]].customer.day])
    requests: list[Request] = [asked[name][number] for name, number in places]
    answered = dict(zip(places, ask(requests) if requests else [], strict=True))
    return {
        name: evaluators.read_findings(name, [answered[name, number] for number in range(len(cases))])
        for name in dimensions
    }


def _with_reasons(
    cases: Sequence[Case], by_case: list[list[Finding]], ask: Ask, asking: Asking, showing: Showing
) -> list[list[Finding]]:
    """The same findings, those of the model with a reason."""
    asked = [
        (case, finding)
        for case, findings in zip(cases, by_case, strict=True)
        for finding in findings
        if finding.by == MODEL
    ]
    said = iter(ask(reasons.requests(asked, asking, showing)) if asked else [])
    return [
        [
            replace(finding, reason=reasons.read_reason(next(said))) if finding.by == MODEL else finding
            for finding in findings
        ]
        for findings in by_case
    ]
